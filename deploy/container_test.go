package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"parley/command"
	"parley/config"
)

// composed is docker-compose.yml as Compose reads it, with the given lines in .env.
func composed(t *testing.T, env string) *types.Project {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"docker-compose.yml": read(t, "../docker-compose.yml"), ".env": env} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	variables := types.Mapping{}
	for _, entry := range entries(env) {
		name, value, _ := strings.Cut(entry, "=")
		variables[name] = value
	}
	project, err := loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir: dir, Environment: variables,
		ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, "docker-compose.yml")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func service(t *testing.T, project *types.Project, name string) types.ServiceConfig {
	t.Helper()
	s, err := project.GetService(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// environ is what a container finds in its environment.
func environ(s types.ServiceConfig) []string {
	var list []string
	for name, value := range s.Environment {
		if value != nil {
			list = append(list, name+"="+*value)
		}
	}
	return list
}

// dockerfile returns the stages of the Dockerfile.
func dockerfile(t *testing.T) []instructions.Stage {
	t.Helper()
	result, err := parser.Parse(strings.NewReader(read(t, "../Dockerfile")))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range result.Warnings {
		t.Errorf("Dockerfile: %s", w.Short)
	}
	stages, _, err := instructions.Parse(result.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	return stages
}

// every returns the instructions of one kind in a stage.
func every[T instructions.Command](stage instructions.Stage) []T {
	var found []T
	for _, c := range stage.Commands {
		if one, ok := c.(T); ok {
			found = append(found, one)
		}
	}
	return found
}

func TestCompose(t *testing.T) {
	t.Parallel()
	project := composed(t, "")

	t.Run("Parley understands the settings it gets", func(t *testing.T) {
		t.Parallel()
		secret := filepath.Join(t.TempDir(), "database_url")
		if err := os.WriteFile(secret, []byte("postgres://parley:secret@postgres:5432/parley?sslmode=disable\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for name, env := range map[string]string{
			"as it is": "", "with .env": "PARLEY_REGISTRATION=closed\nPARLEY_BASE_URL=https://chat.example.org\nBIND=127.0.0.1:9090\n",
		} {
			environment := environ(service(t, composed(t, env), "parley"))
			for i, entry := range environment {
				environment[i] = strings.Replace(entry, "=/run/secrets/database_url", "="+secret, 1)
			}
			if !slices.Contains(environment, "PARLEY_DATABASE_URL_FILE="+secret) {
				t.Fatalf("premise: %q", environment)
			}
			c, err := config.Load(environment)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if c.Addr != ":8080" || c.DataDir != "/var/lib/parley" || env != "" && c.Registration != config.RegistrationClosed {
				t.Errorf("%s: %+v", name, c)
			}
		}
	})

	t.Run("a misspelt setting in .env reaches Parley, which refuses it", func(t *testing.T) {
		t.Parallel()
		if list := environ(service(t, composed(t, "PARLEY_REGISTRATON=closed\n"), "parley")); !slices.Contains(list, "PARLEY_REGISTRATON=closed") {
			t.Errorf("it gets %q", list)
		}
	})

	t.Run("every service is checked, restarted and pinned to a version", func(t *testing.T) {
		t.Parallel()
		for name, s := range project.Services {
			if s.HealthCheck == nil || s.HealthCheck.Disable || len(s.HealthCheck.Test) < 2 || s.HealthCheck.Test[0] != "CMD" {
				t.Errorf("%s has no health check without a shell: %+v", name, s.HealthCheck)
			}
			if s.Restart != types.RestartPolicyUnlessStopped {
				t.Errorf("%s is restarted %q", name, s.Restart)
			}
			if _, tag, _ := strings.Cut(s.Image, ":"); s.Build == nil && !regexp.MustCompile(`^\d+`).MatchString(tag) {
				t.Errorf("%s is of no particular version: %s", name, s.Image)
			}
			if s.Privileged || s.NetworkMode != "" || s.Pid != "" || s.Ipc != "" || len(s.CapAdd) > 0 {
				t.Errorf("%s may do more than it needs: %+v", name, s)
			}
			if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
				t.Errorf("%s may gain privileges", name)
			}
		}
	})

	t.Run("Parley is an ordinary user on a file system that is read-only but for its folder", func(t *testing.T) {
		t.Parallel()
		s := service(t, project, "parley")
		stages := dockerfile(t)
		user := every[*instructions.UserCommand](stages[len(stages)-1])[0].User
		if s.User != user || !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) {
			t.Errorf("user %q (the image's is %q), read-only %v, without %v", s.User, user, s.ReadOnly, s.CapDrop)
		}
		if !slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == "/var/lib/parley" && !v.ReadOnly }) {
			t.Errorf("its folder is not kept: %+v", s.Volumes)
		}
	})

	t.Run("volumes, networks and secrets are declared", func(t *testing.T) {
		t.Parallel()
		for name, s := range project.Services {
			for _, v := range s.Volumes {
				if _, ok := project.Volumes[v.Source]; v.Type != types.VolumeTypeVolume || !ok {
					t.Errorf("%s: there is no volume %s", name, v.Source)
				}
			}
			for network := range s.Networks {
				if _, ok := project.Networks[network]; !ok {
					t.Errorf("%s: there is no network %s", name, network)
				}
			}
			for _, secret := range s.Secrets {
				if _, ok := project.Secrets[secret.Source]; !ok {
					t.Errorf("%s: there is no secret %s", name, secret.Source)
				}
				if !slices.ContainsFunc(environ(s), func(e string) bool { return strings.HasSuffix(e, "_FILE=/run/secrets/"+secret.Source) }) {
					t.Errorf("%s: nothing reads the secret %s", name, secret.Source)
				}
			}
		}
		if !project.Networks["back"].Internal {
			t.Error("the databases can be reached from outside")
		}
	})

	t.Run("only Parley has a door, and by default it opens to this machine alone", func(t *testing.T) {
		t.Parallel()
		for name, s := range project.Services {
			if name != "parley" && (len(s.Ports) > 0 || s.Networks["front"] != nil) {
				t.Errorf("%s can be reached", name)
			}
		}
		ports := service(t, project, "parley").Ports
		if len(ports) != 1 || ports[0].HostIP != "127.0.0.1" || ports[0].Target != 8080 {
			t.Errorf("its ports are %+v", ports)
		}
		if other := service(t, composed(t, "BIND=192.0.2.1:80\n"), "parley").Ports; other[0].HostIP != "192.0.2.1" || other[0].Published != "80" {
			t.Errorf("its ports cannot be chosen: %+v", other)
		}
	})

	t.Run("Parley waits until the others are healthy", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"postgres", "redis"} {
			if d := service(t, project, "parley").DependsOn[name]; d.Condition != types.ServiceConditionHealthy {
				t.Errorf("%s: %+v", name, d)
			}
		}
	})

	t.Run("PostgreSQL gets the locale that Parley needs", func(t *testing.T) {
		t.Parallel()
		arguments := service(t, project, "postgres").Environment["POSTGRES_INITDB_ARGS"]
		if arguments == nil || !strings.Contains(*arguments, "--encoding=UTF8") || !strings.Contains(*arguments, "--locale=C.UTF-8") {
			t.Errorf("initdb gets %v", arguments)
		}
	})
}

func TestHealthChecksAskTheBinary(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	stages := dockerfile(t)
	checks := map[string][]string{
		"Dockerfile":         every[*instructions.HealthCheckCommand](stages[len(stages)-1])[0].Health.Test,
		"docker-compose.yml": service(t, composed(t, ""), "parley").HealthCheck.Test,
	}
	for name, check := range checks {
		if len(check) < 3 || check[0] != "CMD" || check[1] != "/usr/local/bin/parley" {
			t.Errorf("%s asks with %q", name, check)
			continue
		}
		var said bytes.Buffer
		code := command.Run(command.App{}, command.Process{
			Args: check[2:], Environ: []string{"PARLEY_ADDR=" + strings.TrimPrefix(server.URL, "http://")}, Stdout: io.Discard, Stderr: &said,
		})
		if code != 0 {
			t.Errorf("%s: %d, %s", name, code, said.String())
		}
	}
}

func TestDockerfile(t *testing.T) {
	t.Parallel()
	stages := dockerfile(t)
	if len(stages) != 2 {
		t.Fatalf("%d stages", len(stages))
	}
	build, image := stages[0], stages[1]

	t.Run("it is built with a Go that is new enough, for the system it runs on", func(t *testing.T) {
		t.Parallel()
		wanted := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "../go.mod"))[1]
		version, release, _ := strings.Cut(strings.TrimPrefix(build.BaseName, "golang:"), "-")
		if version != wanted || image.BaseName != "debian:"+release+"-slim" {
			t.Errorf("go.mod wants %s; %s, then %s", wanted, build.BaseName, image.BaseName)
		}
	})

	t.Run("it runs the binary, without a shell, as an ordinary user", func(t *testing.T) {
		t.Parallel()
		users := every[*instructions.UserCommand](image)
		if len(users) != 1 || !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(users[0].User) {
			t.Fatalf("users %+v", users)
		}
		uid, _, _ := strings.Cut(users[0].User, ":")
		if !strings.Contains(script(image), "useradd --system --uid "+uid+" ") {
			t.Errorf("user %s is not made", uid)
		}
		entry := every[*instructions.EntrypointCommand](image)
		if len(entry) != 1 || entry[0].PrependShell || !slices.Equal(entry[0].CmdLine, []string{"/usr/local/bin/parley"}) {
			t.Errorf("it runs %+v", entry)
		}
		for _, check := range every[*instructions.HealthCheckCommand](image) {
			if check.Health.Test[0] != "CMD" {
				t.Errorf("it asks with a shell: %q", check.Health.Test)
			}
		}
	})

	t.Run("its settings are Parley's, and its port and folder are theirs", func(t *testing.T) {
		t.Parallel()
		var list []string
		for _, env := range every[*instructions.EnvCommand](image) {
			for _, pair := range env.Env {
				list = append(list, pair.Key+"="+pair.Value)
			}
		}
		c, err := config.Load(list)
		if err != nil {
			t.Fatal(err)
		}
		ports, volumes := every[*instructions.ExposeCommand](image), every[*instructions.VolumeCommand](image)
		if len(ports) != 1 || c.Addr != ":"+ports[0].Ports[0] || len(volumes) != 1 || c.DataDir != volumes[0].Volumes[0] {
			t.Errorf("%s and %s, but %+v and %+v", c.Addr, c.DataDir, ports, volumes)
		}
	})

	t.Run("nothing but the binary comes from outside the packages", func(t *testing.T) {
		t.Parallel()
		copies := every[*instructions.CopyCommand](image)
		if len(copies) != 1 || copies[0].From != build.Name || len(every[*instructions.AddCommand](image)) > 0 {
			t.Fatalf("%+v", copies)
		}
		if !strings.Contains(script(build), " -o "+copies[0].SourcePaths[0]+" ") {
			t.Errorf("%s is not built", copies[0].SourcePaths[0])
		}
		for _, name := range []string{"config.version", "config.commit"} {
			if !strings.Contains(script(build), "-X parley/"+name+"=${") {
				t.Errorf("the binary does not learn its %s", name)
			}
		}
	})

	t.Run("its packages exist", func(t *testing.T) {
		t.Parallel()
		packages := regexp.MustCompile(`apt-get install -y --no-install-recommends ([a-z0-9+. -]+?) +&&`).FindAllStringSubmatch(script(build)+script(image), -1)
		if len(packages) != 2 {
			t.Fatalf("premise: %q", packages)
		}
		_, release, _ := strings.Cut(build.BaseName, "-")
		if system, err := os.ReadFile("/etc/os-release"); err != nil || !strings.Contains(string(system), "VERSION_CODENAME="+release) {
			t.Skipf("this is not Debian %s: nothing here knows its packages", release)
		}
		for _, list := range packages {
			for _, name := range strings.Fields(list[1]) {
				out, err := exec.CommandContext(t.Context(), "apt-cache", "policy", name).Output()
				if err == nil && len(out) == 0 {
					t.Skip("apt-get update was never run here")
				}
				if err != nil || !regexp.MustCompile(`Candidate: \d`).Match(out) {
					t.Errorf("there is no package %s: %v %s", name, err, out)
				}
			}
		}
	})
}

// script is all that a stage runs, on one line.
func script(stage instructions.Stage) string {
	var all strings.Builder
	for _, run := range every[*instructions.RunCommand](stage) {
		fmt.Fprintln(&all, strings.Join(strings.Fields(strings.Join(run.CmdLine, " ")), " "))
	}
	return all.String()
}

func TestBuildContext(t *testing.T) {
	t.Parallel()
	patterns, err := ignorefile.ReadAll(strings.NewReader(read(t, "../.dockerignore")))
	if err != nil {
		t.Fatal(err)
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		t.Fatal(err)
	}
	ignored := func(path string) bool {
		out, err := matcher.MatchesOrParentMatches(path)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}

	t.Run("secrets, data and history stay outside", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{
			".env", ".git/HEAD", ".data/postgres/data/PG_VERSION", "secrets/database_url", "bin/parley", "coverage.out", "docs/self-hosting.md",
			"chat/person_test.go",
		} {
			if !ignored(path) {
				t.Errorf("%s goes into the build", path)
			}
		}
	})

	t.Run("every file that the binary is made of comes in", func(t *testing.T) {
		t.Parallel()
		list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=Dir,Module,GoFiles,CgoFiles,EmbedFiles", "parley")
		list.Env = append(os.Environ(), "CGO_ENABLED=1")
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		root, err := filepath.Abs("..")
		if err != nil {
			t.Fatal(err)
		}
		files := []string{"go.mod", "go.sum"}
		for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
			var p struct {
				Dir                           string
				Module                        *struct{ Main bool }
				GoFiles, CgoFiles, EmbedFiles []string
			}
			if err := decoder.Decode(&p); err != nil {
				t.Fatal(err)
			}
			if p.Module == nil || !p.Module.Main {
				continue
			}
			for _, name := range slices.Concat(p.GoFiles, p.CgoFiles, p.EmbedFiles) {
				path, err := filepath.Rel(root, filepath.Join(p.Dir, name))
				if err != nil {
					t.Fatal(err)
				}
				files = append(files, path)
			}
		}
		if len(files) < 100 {
			t.Fatalf("premise: only %d files", len(files))
		}
		for _, path := range files {
			if ignored(path) {
				t.Errorf("%s does not go into the build", path)
			}
		}
	})
}
