package cases

import (
	"os"
	"path/filepath"
	"sort"
	"testing"
)

// EnvDir names the environment variable that points at the folder of external test data (the one that contains data/, conformance/ and methods/).
const EnvDir = "QATTN_DATA"

// Dir returns the folder of external test data: $QATTN_DATA if set, else the folder "shared" beside the project root, which is looked for from the
// working directory upward. Without one the test is skipped; a variable that points nowhere is an error, so that CI cannot lose coverage silently.
func Dir(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv(EnvDir); dir != "" {
		if !isDir(dir) {
			t.Fatalf("%s=%s is not a folder", EnvDir, dir)
		}
		return dir
	}
	if dir, ok := beside(); ok {
		return dir
	}
	t.Skipf("external test data not found: set %s to the folder that contains data/, conformance/ and methods/", EnvDir)
	return ""
}

// beside looks for shared/ next to every enclosing module root. Nested modules make the nearest go.mod insufficient.
func beside() (string, bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			shared := filepath.Join(filepath.Dir(dir), "shared")
			if isDir(shared) {
				return shared, true
			}
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Sub returns the path of a file or folder below [Dir] and skips the test when it does not exist.
func Sub(t testing.TB, elem ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{Dir(t)}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("external test data %s not found: set %s to a folder that contains it", filepath.Join(elem...), EnvDir)
	}
	return path
}

// Files returns the sorted paths below [Dir] that match a glob pattern, without manifests, and skips the test when there are none.
func Files(t testing.TB, elem ...string) []string {
	t.Helper()
	pattern := filepath.Join(append([]string{Dir(t)}, elem...)...)
	all, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatalf("bad pattern %s: %v", pattern, err)
	}
	paths := all[:0]
	for _, path := range all {
		if filepath.Base(path) != "MANIFEST.json" {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		t.Skipf("external test data %s not found: set %s to a folder that contains it", filepath.Join(elem...), EnvDir)
	}
	sort.Strings(paths)
	return paths
}
