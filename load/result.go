//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"
)

// Whose figures they are.
const (
	subjectParley = "Parley"
	subjectFloor  = "floor"
)

// result is one line of what a run writes down: a window, a ratio, or the run itself, whichever is there.
type result struct {
	Run    *about  `json:"run,omitempty"`
	Window *window `json:"window,omitempty"`
	Ratio  *ratio  `json:"ratio,omitempty"`
}

// about is what a run was.
type about struct {
	At        time.Time `json:"at"`
	Brief     bool      `json:"brief,omitempty"`
	Version   string    `json:"version"`
	Command   string    `json:"command"`
	Go        string    `json:"go"`
	Cores     int       `json:"cores"`
	Processor string    `json:"processor"`
	Memory    int64     `json:"memory"`
	Kernel    string    `json:"kernel"`
	Forgets   bool      `json:"forgets,omitempty"` // the folder lies in memory: nothing is durable
	Files     uint64    `json:"files"`             // how many descriptors a process may have
	People    int       `json:"people"`
	Talks     int       `json:"conversations"`
	Messages  int       `json:"messages"`
	Acks      bool      `json:"acks"`             // pages say what they have got
	Redis     bool      `json:"redis"`            // the server has one
	Only      string    `json:"only,omitempty"`   // these scenarios alone
	Varied    bool      `json:"varied,omitempty"` // sizes were given: its cases are no other run's
}

// window is one measurement.
type window struct {
	At         time.Time          `json:"at"`
	Scenario   string             `json:"scenario"`
	Case       string             `json:"case"`
	Subject    string             `json:"subject"`
	Seconds    float64            `json:"seconds"`
	Rate       float64            `json:"rate,omitempty"` // sends a second
	Sockets    int                `json:"sockets,omitempty"`
	Asked      int                `json:"asked,omitempty"` // so many sockets, where a process may not have as many
	Sends      int                `json:"sends,omitempty"`
	Due        int                `json:"due,omitempty"` // how many deliveries there were to be
	Deliveries int                `json:"deliveries,omitempty"`
	Lost       int                `json:"lost"`
	Doubled    int                `json:"doubled"`
	Failed     int                `json:"failed"`
	Times      map[string]spread  `json:"times,omitempty"`
	Processor  map[string]float64 `json:"processor_s,omitempty"` // seconds, by part
	Memory     map[string]int64   `json:"memory,omitempty"`      // bytes at the end, by part
	Values     map[string]float64 `json:"values,omitempty"`
	Machine    calibration        `json:"machine"`
	Others     float64            `json:"others"` // the share of the machine that all else took
	Steal      float64            `json:"steal"`  // and the machine below it
	Tool       float64            `json:"tool"`   // and this tool
	Unmeasured string             `json:"unmeasured,omitempty"`
	GaveUp     bool               `json:"gave_up,omitempty"` // it was clear before the end that the rate is too high
}

// The names of times.
const (
	timeUpgrade   = "upgrade"   // dialling → the server's agreement
	timeEstablish = "establish" // dialling → hello
	timeDelivered = "delivered" // due → at a socket
	timeAnswered  = "answered"  // due → the sender's answer
	timeStored    = "stored"    // due → committed
	timeLate      = "late"      // due → the tool got to it
	time50        = "to50"      // due → at 50 % of the members
	time95        = "to95"
	time100       = "to100"
)

// The names of values.
const (
	valuePerSocket   = "memory_per_socket"     // bytes
	valueIdle        = "idle_processor"        // cores
	valueDialling    = "tool_dialling"         // the share of the machine that this tool took while it dialled
	valuePer1000     = "processor_per_1000"    // seconds, server and PostgreSQL
	valuePerDelivery = "processor_per_deliver" // microseconds, server
	valueHighest     = "highest_rate"          // sends a second
	valueFrame       = "frame"                 // bytes
	valueCold        = "cold_start"            // seconds
	valueWarm        = "warm_start"            // seconds
	valueResident    = "idle_memory"           // bytes
	valueBinary      = "binary"                // bytes
	valueRegister    = "register_p50"          // ms
	valueLogin       = "login_p50"             // ms
	valueBrought     = "brought"               // the share of signals that were
	valueCores       = "server_cores"          // what the server took
	valuePresence    = "presence_cores"        // and how much of it is for presence
	valueSignFrames  = "presence_frames"       // with presence, to all
	valueSignPeople  = "presence_people"       // and how many people they brought, together
	valueSignSocket  = "presence_per_socket"   // frames
	valueBack        = "back"                  // seconds until all were back
)

// third is how much of the machine the tool may take.
const third = 1.0 / 3

// used fills in what was taken between two readings.
func (w *window) used(before, after reading) {
	took := after.at.Sub(before.at)
	all := took.Seconds() * float64(runtime.NumCPU())
	w.Seconds = took.Seconds()
	w.Processor, w.Memory = map[string]float64{}, after.memory
	known := 0.0
	for name := range after.time {
		w.Processor[name] = (after.time[name] - before.time[name]).Seconds()
		known += w.Processor[name]
	}
	w.Others = max(0, (after.machine.busy-before.machine.busy).Seconds()-known) / all
	w.Steal = (after.machine.steal - before.machine.steal).Seconds() / all
	w.tool(w.Processor[partTool] / all)
}

// tool notes which share of the machine the tool took.
func (w *window) tool(share float64) {
	w.Tool = share
	if share > third {
		w.Unmeasured = tookTooMuch(share)
	}
}

func tookTooMuch(share float64) string {
	return fmt.Sprintf("the tool took %.0f %% of the machine", 100*share)
}

func (w *window) value(name string) float64 { return w.Values[name] }

func (w *window) set(name string, value float64) {
	if w.Values == nil {
		w.Values = map[string]float64{}
	}
	w.Values[name] = value
}

// name is what messages call it.
func (w *window) name() string { return w.Scenario + " " + w.Case + " " + w.Subject }

// records writes results down as they come, and keeps them.
type records struct {
	file *os.File
	all  []result
}

func newRecords(path string) (*records, error) {
	f, err := os.Create(path)
	return &records{file: f}, err
}

func (r *records) add(one result) error {
	r.all = append(r.all, one)
	line, err := json.Marshal(one)
	if err != nil {
		return err
	}
	_, err = r.file.Write(append(line, '\n'))
	return err
}

// readResults reads files of results, one after the other.
func readResults(paths []string) (all []result, err error) {
	for _, path := range paths {
		f, err := os.Open(path) //nolint:gosec // Named by whoever runs this.
		if err != nil {
			return nil, err
		}
		some, err := decodeResults(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, some...)
	}
	return all, nil
}

func decodeResults(r io.Reader) (all []result, err error) {
	d := json.NewDecoder(bufio.NewReader(r))
	for {
		var one result
		if err := d.Decode(&one); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return all, err
		}
		all = append(all, one)
	}
}

// find is the last window of this name; nil where there is none.
func find(all []result, scenario, of, subject string) (found *window) {
	for _, one := range all {
		if w := one.Window; w != nil && w.Scenario == scenario && w.Case == of && w.Subject == subject {
			found = w
		}
	}
	return found
}

// cases are a scenario's, in the order in which they were measured.
func cases(all []result, scenario string) (names []string) {
	known := map[string]bool{}
	for _, one := range all {
		if w := one.Window; w != nil && w.Scenario == scenario && !known[w.Case] {
			known[w.Case] = true
			names = append(names, w.Case)
		}
	}
	return names
}

// thisMachine fills in what is known of the machine.
func (a *about) thisMachine() {
	a.Go, a.Cores = runtime.Version(), runtime.NumCPU()
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			a.Processor = strings.TrimSpace(value)
			break
		}
	}
	memory, _ := os.ReadFile("/proc/meminfo")
	var kib int64
	_, _ = fmt.Sscanf(string(memory), "MemTotal: %d kB", &kib)
	a.Memory = kib << 10
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	a.Kernel = strings.TrimSpace(string(kernel))
}
