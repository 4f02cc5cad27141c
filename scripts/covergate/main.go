// Covergate reads a coverage profile, prints how much of each package the tests reach, and fails where that is too
// little:
//
//	covergate -profile coverage.out -total 90 chat=95 realtime=95
//
// The profile may hold a block several times, as `go test -coverpkg` writes it; a block counts as reached when any test
// reached it. Generated code (*_templ.go) is left out.
package main

import (
	"bufio"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "covergate:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("covergate", flag.ContinueOnError)
	profile := flags.String("profile", "coverage.out", "the file that go test -coverprofile wrote")
	total := flags.Float64("total", 0, "least coverage of all packages together, in percent")
	files := flags.Int("files", 0, "how many of the files with the most unreached statements to list")
	if err := flags.Parse(args); err != nil {
		return err
	}
	floors, err := parseFloors(flags.Args())
	if err != nil {
		return err
	}
	file, err := os.Open(*profile)
	if err != nil {
		return err
	}
	defer file.Close()
	counts, err := read(file)
	if err != nil {
		return fmt.Errorf("%s: %w", *profile, err)
	}
	return judge(out, counts, floors, *total, *files)
}

// parseFloors reads folder=percent.
func parseFloors(args []string) (map[string]float64, error) {
	floors := map[string]float64{}
	for _, arg := range args {
		folder, text, _ := strings.Cut(arg, "=")
		percent, err := strconv.ParseFloat(text, 64)
		if err != nil || folder == "" {
			return nil, fmt.Errorf("%q is not folder=percent", arg)
		}
		floors[folder] = percent
	}
	return floors, nil
}

// count is how many statements there are, and how many of them a test reached.
type count struct{ statements, reached int }

func (c count) percent() float64 {
	if c.statements == 0 {
		return 100
	}
	return 100 * float64(c.reached) / float64(c.statements)
}

// A line of a profile: file:line.column,line.column statements times. See golang.org/x/tools/cover.
var profileLine = regexp.MustCompile(`^(.+):(\d+\.\d+,\d+\.\d+) (\d+) (\d+)$`)

// read returns the count of every file in a profile.
func read(profile io.Reader) (map[string]count, error) {
	type block struct{ file, span string }
	reached, statements := map[block]bool{}, map[block]int{}
	lines := bufio.NewScanner(profile)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "mode: ") {
			continue
		}
		m := profileLine.FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("this is no line of a coverage profile: %q", line)
		}
		b := block{m[1], m[2]}
		if strings.HasSuffix(b.file, "_templ.go") {
			continue
		}
		statements[b], _ = strconv.Atoi(m[3])
		reached[b] = reached[b] || m[4] != "0"
	}
	counts := map[string]count{}
	for b, n := range statements {
		c := counts[b.file]
		c.statements += n
		if reached[b] {
			c.reached += n
		}
		counts[b.file] = c
	}
	return counts, lines.Err()
}

// judge prints the report and says what is too low. A floor holds for a folder with everything below it.
func judge(out io.Writer, files map[string]count, floors map[string]float64, total float64, listed int) error {
	var all count
	packages, floored := map[string]count{}, map[string]count{}
	for file, c := range files {
		all = add(all, c)
		pkg := path.Dir(file)
		packages[pkg] = add(packages[pkg], c)
		for folder := range floors {
			if _, inside, _ := strings.Cut(pkg+"/", "/"); strings.HasPrefix(inside, folder+"/") {
				floored[folder] = add(floored[folder], c)
			}
		}
	}
	if all.statements == 0 {
		return errors.New("the profile is empty")
	}
	for _, pkg := range slices.Sorted(maps.Keys(packages)) {
		fmt.Fprintf(out, "%6.1f %%  %s\n", packages[pkg].percent(), pkg)
	}
	fmt.Fprintf(out, "%6.1f %%  in total, %d of %d statements\n", all.percent(), all.reached, all.statements)
	printWorst(out, files, listed)

	var low []string
	if all.percent() < total {
		low = append(low, fmt.Sprintf("%.1f %% in total, at least %g %% is wanted", all.percent(), total))
	}
	for _, folder := range slices.Sorted(maps.Keys(floors)) {
		if c := floored[folder]; c.percent() < floors[folder] {
			low = append(low, fmt.Sprintf("%.1f %% in %s, at least %g %% is wanted", c.percent(), folder, floors[folder]))
		}
	}
	if len(low) > 0 {
		return errors.New("too little is covered: " + strings.Join(low, "; "))
	}
	return nil
}

// printWorst lists the n files with the most statements that no test reaches.
func printWorst(out io.Writer, files map[string]count, n int) {
	names := slices.SortedFunc(maps.Keys(files), func(a, b string) int {
		return cmp.Or((files[b].statements-files[b].reached)-(files[a].statements-files[a].reached), strings.Compare(a, b))
	})
	for _, name := range names[:min(n, len(names))] {
		if left := files[name].statements - files[name].reached; left > 0 {
			fmt.Fprintf(out, "%4d statements not reached in %s\n", left, name)
		}
	}
}

func add(a, b count) count { return count{a.statements + b.statements, a.reached + b.reached} }
