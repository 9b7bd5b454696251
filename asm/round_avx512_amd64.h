// round_avx512_amd64.h: float32 rounded to bfloat16. VCVTNEPS2BF16 would lose subnormal
// numbers.

// ROUNDING loads the constants Z8–Z15. It clobbers AX.
#define ROUNDING \
	MOVL $1, AX;          \
	VPBROADCASTD AX, Z8;  \
	MOVL $0x7fff, AX;     \
	VPBROADCASTD AX, Z9;  \
	MOVL $0xffff0000, AX; \
	VPBROADCASTD AX, Z10; \
	MOVL $0x7fffffff, AX; \
	VPBROADCASTD AX, Z11; \
	MOVL $0x7f7f7fff, AX; \
	VPBROADCASTD AX, Z12; \
	MOVL $0x7f7f0000, AX; \
	VPBROADCASTD AX, Z13; \
	MOVL $0x7f800000, AX; \
	VPBROADCASTD AX, Z14; \
	MOVL $0x00400000, AX; \
	VPBROADCASTD AX, Z15

// ROUND rounds x to y and marks in k the lanes it is wrong for. It clobbers Z4.
#define ROUND(x, y, k) \
	VPSRLD $16, x, y;       \
	VPANDD Z8, y, y;        \
	VPADDD Z9, y, y;        \
	VPADDD x, y, y;         \
	VPANDD Z10, y, y;       \
	VPANDD Z11, x, Z4;      \
	VPCMPUD $6, Z12, Z4, k

// RARELANES mends the lanes of k: finite ones become the largest, infinities stay, NaN turn
// quiet. It clobbers Z4, Z5 and K5.
#define RARELANES(x, y, k) \
	VPANDD Z11, x, Z4;            \
	VPCMPUD $5, Z14, Z4, K5;      \
	VPANDND x, Z11, Z5;           \
	VPORD Z13, Z5, Z5;            \
	VMOVDQA32 x, K5, Z5;          \
	VPCMPUD $6, Z14, Z4, K5;      \
	VPORD Z15, Z5, K5, Z5;        \
	VPANDD Z10, Z5, k, y
