//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"parley/chaos/process"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "bare-melody":
			if len(args) != 2 {
				return errors.New("bare-melody ADDR")
			}
			return bareMelody(args[1])
		case "bare-insert":
			return bareInsert(ctx, os.Stdin, out)
		case "report":
			return written(args[1:], report)
		case "page":
			return written(args[1:], htmlPage)
		}
	}
	debug.SetGCPercent(400) // what the tool takes, what it measures does not get
	return measure(ctx, args, out)
}

// written runs `report FILE… -o TO` and its like.
func written(args []string, write func(all []result, before string) (string, error)) error {
	var paths []string
	to := ""
	for i := 0; i < len(args); i++ {
		if args[i] == "-o" && i+1 < len(args) {
			i++
			to = args[i]
			continue
		}
		paths = append(paths, args[i])
	}
	if len(paths) == 0 {
		return errors.New("which results? load report FILE… -o TO")
	}
	all, err := readResults(paths)
	if err != nil {
		return err
	}
	before := ""
	if to != "" {
		text, err := os.ReadFile(to) //nolint:gosec // Named by whoever runs this.
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		before = string(text)
	}
	text, err := write(all, before)
	if err != nil {
		return err
	}
	if to == "" {
		_, err = os.Stdout.WriteString(text)
		return err
	}
	return os.WriteFile(to, []byte(text), 0o644) //nolint:gosec // Named by whoever runs this.
}

// longest is how long a run may take; it takes less than half of it.
const longest = 30 * time.Minute

// longestBrief is how long a short one takes at most, what it tries again included.
const longestBrief = 170 * time.Second

// run is one call of the tool.
type run struct {
	sizes       sizes
	about       about
	out, folder string
	binary      string
	acks, redis bool
	profiles    bool
	accepting   bool
	accepted    map[string]float64 // the ratios of such a run; nil: none were
	connections int                // of the bare insert: as many as Parley's pool holds
	began       time.Time
	system      *system
	visitors    []guest // who came through the doors
	records     *records
	windows     int
	profiling   sync.WaitGroup

	saying sync.Mutex
	often  time.Duration // 0: as often as usual
	to     io.Writer
}

func measure(ctx context.Context, args []string, out io.Writer) (err error) {
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	r := &run{sizes: full, to: out, began: time.Now()}
	only := flags.String("only", "", "only these scenarios, such as B or AC")
	short := flags.Bool("brief", false, "small and short, for a machine that checks every change")
	flags.BoolVar(&r.accepting, "accept", false, "take this run's ratios for those that later ones are compared with; with -brief, where they are worse than before")
	against := flags.String("baseline", "load/baseline.json", "the ratios that were last accepted")
	messages := flags.Int("messages", 0, "how many messages there are before anything is measured")
	people := flags.Int("people", 0, "how many people there are")
	sockets := flags.Int("sockets", 0, "A with so many sockets alone")
	rate := flags.Float64("rate", 0, "B at this rate")
	length := flags.Duration("length", 0, "how long a window of B and C is")
	calm := flags.Duration("calm", 0, "how long A looks at sockets that are idle")
	flags.Float64Var(&r.sizes.top, "top", 0, "D no higher than this")
	flags.StringVar(&r.binary, "binary", "", "measure this binary of Parley's instead of building one")
	flags.StringVar(&r.out, "out", "bin/load", "where results.jsonl and report.html go")
	flags.BoolVar(&r.acks, "acks", true, "pages say what they have got and what was seen, once a second, as real ones do")
	flags.BoolVar(&r.redis, "redis", false, "the server has a Redis, as one of several would")
	flags.BoolVar(&r.profiles, "profile", false, "write a CPU profile of the server for each window of B, C and D")
	flags.IntVar(&r.connections, "connections", max(4, runtime.NumCPU()), "of the bare insert: as many as the server's pool has")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is not known: report, page, or flags", flags.Arg(0))
	}
	top := r.sizes.top
	if *short {
		r.sizes = brief
	}
	if r.sizes.top = top; top == 0 {
		r.sizes.top = mostRate
	}
	if r.binary != "" {
		if r.binary, err = filepath.Abs(r.binary); err != nil {
			return err
		}
	}
	varied := *messages+*people+*sockets > 0 || *rate+top > 0 || *length+*calm > 0 || !r.acks || r.redis
	if *messages > 0 {
		r.sizes.messages = *messages
	}
	if *people > 0 {
		r.sizes.people, r.sizes.conversations = *people, max(2*r.sizes.pairs, *people)
	}
	if *sockets > 0 {
		r.sizes.idle = []int{*sockets}
	}
	if *calm > 0 {
		r.sizes.calm = *calm
	}
	if *rate > 0 {
		r.sizes.rate = *rate
	}
	if *length > 0 {
		r.sizes.length = *length
	}
	if least := max(2*r.sizes.pairs, r.sizes.members) + 1; r.sizes.people < least {
		return fmt.Errorf("at least %d people are needed", least)
	}
	r.about = about{
		At: time.Now(), Brief: *short, Command: commandOf(flags), Acks: r.acks, Redis: r.redis,
		Only: strings.ToUpper(*only), Varied: varied,
		People: r.sizes.people, Talks: r.sizes.conversations, Messages: r.sizes.messages, Files: raiseFiles(), Version: version(ctx),
	}
	r.about.thisMachine()
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	if r.records, err = newRecords(filepath.Join(r.out, "results.jsonl")); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.records.file.Close()) }()
	if r.folder, err = os.MkdirTemp("", "parley-load-"); err != nil {
		return err
	}
	failed := false
	defer func() {
		if failed && ctx.Err() == nil {
			r.say("The logs are in %s", r.folder)
		} else {
			_ = os.RemoveAll(r.folder)
		}
	}()
	if err := os.Chmod(r.folder, 0o711); err != nil {
		return err
	}
	r.about.Forgets = forgets(r.folder)
	known, err := readBaseline(*against)
	if err != nil {
		return err
	}
	r.accepted = *known.of(*short)
	bounded, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	if err := r.all(bounded, r.about.Only); err != nil {
		failed = true
		return err
	}
	return r.judge(known, *against)
}

// commandOf is the command line, without what says nothing.
func commandOf(flags *flag.FlagSet) string {
	said := "go run ./load"
	flags.Visit(func(f *flag.Flag) {
		if f.Value.String() != f.DefValue && f.Name != "out" {
			said += " -" + f.Name + "=" + f.Value.String()
		}
	})
	return said
}

// all runs the scenarios. Each but H finds the server just started, so that nothing of another one is left in it.
func (r *run) all(ctx context.Context, only string) (err error) {
	if err := r.records.add(result{Run: &r.about}); err != nil {
		return err
	}
	if r.binary == "" {
		r.say("Building …")
		stop := r.during(func() string { return "building" })
		r.binary, err = build(ctx, r.folder)
		if stop(); err != nil {
			return err
		}
	}
	scenarios := []struct {
		name, what string
		run        func(context.Context) error
	}{
		{"A", "idle sockets", r.idleSockets},
		{"B", "direct conversations", r.direct},
		{"C", "one group", r.group},
		{"D", "a rising rate", r.rising},
		{"E", "presence and typing", r.presence},
	}
	wanted := func(name string) bool { return only == "" || strings.Contains(only, name) }
	if strings.Trim(only, "ABCDEH") != "" {
		return fmt.Errorf("there is no scenario %q: A, B, C, D, E, H", only)
	}
	if wanted("H") {
		r.say("H: from the start to the first answer")
		if err := r.starting(ctx); err != nil {
			return err
		}
	}
	if only == "H" {
		return nil
	}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	defer func() {
		r.profiling.Wait()
		err = errors.Join(err, r.system.end())
	}()
	for _, s := range scenarios {
		if !wanted(s.name) || s.name == "E" && r.sizes.crowd == 0 && only == "" {
			continue
		}
		measure := func() error {
			if err := r.system.stop(); err != nil {
				return err
			}
			if _, err := r.system.start(ctx); err != nil {
				return err
			}
			r.say("%s: %s", s.name, s.what)
			if err := s.run(ctx); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			r.profiling.Wait()
			return nil
		}
		if err := r.twice(s.name, measure); err != nil {
			return err
		}
	}
	return nil
}

// twice measures a scenario of a short run again where it is not as it is to be and the machine may be why, and where there is
// time for it. What it was at first does not count then.
func (r *run) twice(scenario string, measure func() error) error {
	from, began := len(r.records.all), time.Now()
	if err := measure(); err != nil || !r.about.Brief {
		return err
	}
	why := r.doubtful(scenario)
	if why == "" {
		return nil
	}
	if time.Since(r.began)+time.Since(began) > longestBrief {
		r.say("  there is no time to try it again: %s", why)
		return nil
	}
	r.say("  again, because of %s", why)
	r.records.all = r.records.all[:from]
	return measure()
}

// doubtful says why a scenario is worth another try; nothing where it is as it is to be, or nothing can excuse it.
func (r *run) doubtful(scenario string) (why string) {
	now := ratios(r.records.all)
	for _, f := range regressions(r.records.all, now, r.accepted) {
		switch {
		case f.scenario != scenario, f.ratio && r.accepting:
		case !f.noise:
			return ""
		default:
			why = f.what
		}
	}
	for _, one := range now {
		if one.Name[:1] == scenario && one.Steady && one.Off != "" {
			why = one.Name + ": " + one.Off
		}
	}
	return why
}

// prepare makes the people and starts the server, and lets a sample come through the doors.
func (r *run) prepare(ctx context.Context) (err error) {
	if r.system, err = newSystem(r.folder, "data", r.binary); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.system.end())
		}
	}()
	if r.redis {
		if err := r.system.withRedis(); err != nil {
			return err
		}
	}
	if r.profiles {
		if err := r.system.withProfile(); err != nil {
			return err
		}
	}
	began := time.Now()
	r.say("%d people, %d conversations, %d messages …", r.sizes.people, r.sizes.conversations, r.sizes.messages)
	stop := r.during(func() string { return "making them: " + r.system.laid(ctx) })
	err = r.system.lay(ctx, r.sizes.people, r.sizes.conversations, r.sizes.messages)
	if stop(); err != nil {
		return err
	}
	r.say("  made in %.1f s", time.Since(began).Seconds())
	if _, err := r.system.start(ctx); err != nil {
		return err
	}
	return r.doors(ctx)
}

// next is the number of a window that sends.
func (r *run) next() int {
	r.windows++
	return r.windows
}

// say tells how it goes, after how long.
func (r *run) say(format string, args ...any) {
	r.saying.Lock()
	defer r.saying.Unlock()
	fmt.Fprintf(r.to, "%5.0f s  %s\n", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// often is how often something that takes its time says how far it has come.
const often = 4 * time.Second

// during tells every few seconds how far something has come, until the function that it returns is called.
func (r *run) during(far func() string) (stop func()) {
	ended, said := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(said)
		tick := time.NewTicker(cmp.Or(r.often, often))
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				r.say("    %s", far())
			}
		}
	}()
	return func() {
		close(ended)
		<-said
	}
}

// waits sleeps, and says what for.
func (r *run) waits(ctx context.Context, d time.Duration, what string) {
	began := time.Now()
	defer r.during(func() string {
		return fmt.Sprintf("%s, %.0f of %.0f s", what, time.Since(began).Seconds(), d.Seconds())
	})()
	process.Sleep(ctx, d)
}

// done writes a window down and shows it.
func (r *run) done(w *window) error {
	r.say("  %s", w.line())
	return r.records.add(result{Window: w})
}

// judge shows the ratios and compares them with those that were accepted.
func (r *run) judge(known baseline, path string) error {
	now := ratios(r.records.all)
	for _, one := range now {
		if err := r.records.add(result{Ratio: &one}); err != nil {
			return err
		}
	}
	page, err := htmlPage(r.records.all, "")
	if err != nil {
		return err
	}
	to := filepath.Join(r.out, "report.html")
	if err := os.WriteFile(to, []byte(page), 0o644); err != nil {
		return err
	}
	fmt.Fprintln(r.to, "\n"+ratioTable(now, r.accepted))
	fmt.Fprintf(r.to, "Figures: %s; charts: %s\n", r.records.file.Name(), to)
	wrong := regressions(r.records.all, now, r.accepted)
	switch {
	case r.accepting:
		known.accept(r.about.Brief, now)
		if err := known.write(path); err != nil {
			return err
		}
		fmt.Fprintln(r.to, "These ratios are accepted:", path)
		wrong = slices.DeleteFunc(wrong, func(f fault) bool { return f.ratio })
	case r.accepted == nil:
		fmt.Fprintln(r.to, "No ratios were ever accepted of such a run, so there is nothing to compare these with: ACCEPT=yes accepts them.")
	}
	for _, f := range wrong {
		fmt.Fprintln(r.to, "NOT WELL:", f.what)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%d figures are not as they are to be", len(wrong))
	}
	return nil
}

// raiseFiles lets this process and those it starts have as many descriptors as they may.
func raiseFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	for _, hard := range []uint64{65_536, limit.Max} { // root may have more than root was given
		want := syscall.Rlimit{Cur: max(hard, limit.Max), Max: max(hard, limit.Max)}
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &want) == nil {
			return want.Cur
		}
	}
	return limit.Cur
}

// version is what is measured, as git names it.
func version(ctx context.Context) string {
	said, err := exec.CommandContext(ctx, "git", "-c", "safe.directory=*", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(said))
}
