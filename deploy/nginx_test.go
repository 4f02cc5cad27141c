//go:build linux

package deploy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"parley/db/dbtest"
	"parley/nodes/nodestest"
	"parley/program/programtest"
)

func TestMain(m *testing.M) {
	programtest.Perhaps()
	dbtest.Run(m)
}

const (
	site     = "chat.example.org"
	origin   = "https://" + site
	password = "a horse named staple"
	patience = 30 * time.Second
)

// parley is one process of the program.
type parley struct {
	addr string // host:port
	cmd  *exec.Cmd
	done chan error

	mu    sync.Mutex
	lines []line
	added chan struct{} // gets a value, or has one, when there are more lines
}

// line is a line of its log.
type line struct {
	Message   string `json:"msg"`
	Method    string `json:"method"`
	Path      string `json:"path"`
	Address   string `json:"address"`
	Status    int    `json:"status"`
	SetupCode string `json:"setup_code"`
}

// start runs the program with the documented settings on a database, and with more of them.
func start(t *testing.T, program, addr, dsn string, more ...string) *parley {
	t.Helper()
	p := &parley{addr: addr, done: make(chan error, 1), added: make(chan struct{}, 1)}
	p.cmd = exec.Command(program, "serve")
	p.cmd.Dir = t.TempDir()
	p.cmd.Env = append(programtest.Environ(t),
		"PATH="+os.Getenv("PATH"), "PARLEY_ADDR="+p.addr, "PARLEY_DATABASE_URL="+dsn, "PARLEY_BASE_URL="+origin,
		"PARLEY_TRUSTED_PROXIES=127.0.0.1,::1", "PARLEY_BCRYPT_COST=4",
	)
	p.cmd.Env = append(p.cmd.Env, more...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		scanner := bufio.NewScanner(stderr)
		for scanner.Scan() {
			var l line
			if json.Unmarshal(scanner.Bytes(), &l) != nil {
				l.Message = scanner.Text()
			}
			p.mu.Lock()
			p.lines = append(p.lines, l)
			p.mu.Unlock()
			select {
			case p.added <- struct{}{}:
			default:
			}
		}
		p.done <- p.cmd.Wait()
	}()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.await(t, "its start", func(l line) bool { return l.Message == "Parley is running" })
	return p
}

func (p *parley) find(match func(line) bool) (line, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lines {
		if match(l) {
			return l, true
		}
	}
	return line{}, false
}

func (p *parley) await(t *testing.T, what string, match func(line) bool) line {
	t.Helper()
	deadline := time.After(patience)
	for {
		if l, ok := p.find(match); ok {
			return l
		}
		select {
		case <-p.added:
		case <-deadline:
			t.Fatalf("the log does not tell of %s: %+v", what, p.lines)
		}
	}
}

// stop ends the process as systemd does.
func (p *parley) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-p.done; err != nil {
		t.Errorf("it did not end gracefully: %v", err)
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// front is nginx with the documented configuration.
type front struct {
	http, https string // host:port
	log         string // the file of its access log
	roots       *x509.CertPool
}

// documented is nginx.conf with addresses, ports and paths of certificates replaced, and nothing else.
func documented(t *testing.T, f *front, certificate, key string, nodes ...*parley) string {
	t.Helper()
	text := read(t, "nginx.conf")
	replace := func(old, with string) {
		if !strings.Contains(text, old) {
			t.Fatalf("premise: nginx.conf does not say %q any more", old)
		}
		text = strings.ReplaceAll(text, old, with)
	}
	replace("    listen [::]:80;\n", "")
	replace("    listen [::]:443 ssl http2;\n", "")
	replace("listen 80;", "listen "+f.http+";")
	replace("listen 443 ssl", "listen "+f.https+" ssl")
	replace("server 127.0.0.1:8080 ", "server "+nodes[0].addr+" ")
	replace("server 127.0.0.1:8081 ", "server "+nodes[1].addr+" ")
	replace("/var/log/nginx/access.log", f.log)
	replace("/etc/letsencrypt/live/chat.example.org/fullchain.pem", certificate)
	replace("/etc/letsencrypt/live/chat.example.org/privkey.pem", key)
	return text
}

func startNginx(t *testing.T, program string, nodes ...*parley) *front {
	t.Helper()
	dir := t.TempDir()
	f := &front{http: freeAddr(t), https: freeAddr(t), log: filepath.Join(dir, "access.log"), roots: x509.NewCertPool()}
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certificate, key := selfSigned(t, f.roots)
	conf := documented(t, f, write("cert.pem", certificate), write("key.pem", key), nodes...)
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	around := fmt.Sprintf(`%s
worker_processes 2; pid %[2]s/pid; error_log stderr notice; daemon off;
events {}
http {
  client_body_temp_path %[2]s/body; proxy_temp_path %[2]s/proxy; fastcgi_temp_path %[2]s/f; uwsgi_temp_path %[2]s/u; scgi_temp_path %[2]s/s;
  include %[3]s;
}
`, user, dir, write("parley.conf", conf))
	cmd := exec.Command(program, "-p", dir, "-c", write("nginx.conf", around))
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	started := make(chan string, 1)
	go func() {
		defer close(ended)
		var said bytes.Buffer
		for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
			fmt.Fprintln(&said, scanner.Text())
			if strings.Contains(scanner.Text(), "start worker process ") {
				select {
				case started <- "":
				default:
				}
			}
		}
		_ = cmd.Wait()
		select {
		case started <- said.String():
		default:
		}
	}()
	select {
	case said := <-started:
		if said != "" {
			t.Fatalf("nginx ended: %s", said)
		}
	case <-time.After(patience):
		t.Fatal("nginx does not start")
	}
	return f
}

// selfSigned makes a certificate for the site, adds it to the roots, and returns it with its key as PEM.
func selfSigned(t *testing.T, roots *x509.CertPool) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: site}, DNSNames: []string{site},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	roots.AppendCertsFromPEM([]byte(certificate))
	return certificate, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded}))
}

// person is somebody with a browser behind nginx.
type person struct {
	t      *testing.T
	front  *front
	from   string // the address it connects from
	claims string // the X-Forwarded-For that it sends
	client *http.Client
}

// visitor connects from this machine. Through a forwarding proxy on it, if claims is set: 127.0.0.1 is trusted.
func (f *front) visitor(t *testing.T, from, claims string) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &person{t: t, front: f, from: from, claims: claims}
	transport := &http.Transport{DialContext: p.dial, TLSClientConfig: &tls.Config{RootCAs: f.roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	p.client = &http.Client{
		Jar: jar, Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return p
}

// dial leads the site's ports to nginx's.
func (p *person) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	to := map[string]string{site + ":80": p.front.http, site + ":443": p.front.https}[addr]
	if to == "" {
		to = addr
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(p.from)}}
	return dialer.DialContext(ctx, network, to)
}

type answer struct {
	status int
	header http.Header
	page   *goquery.Document
	proto  string
}

func (p *person) do(method, address string, form url.Values) answer {
	p.t.Helper()
	var body io.Reader = http.NoBody
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	if strings.HasPrefix(address, "/") {
		address = origin + address
	}
	request, err := http.NewRequestWithContext(p.t.Context(), method, address, body)
	if err != nil {
		p.t.Fatal(err)
	}
	if p.claims != "" {
		request.Header.Set("X-Forwarded-For", p.claims)
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Origin", origin)
	}
	response, err := p.client.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := goquery.NewDocumentFromReader(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, page, response.Proto}
}

func (p *person) get(address string) answer { p.t.Helper(); return p.do(http.MethodGet, address, nil) }

func (p *person) post(address string, form url.Values) answer {
	p.t.Helper()
	return p.do(http.MethodPost, address, form)
}

func (p *person) register(name string, more ...string) answer {
	p.t.Helper()
	form := url.Values{"username": {name}, "display_name": {name}, "password": {password}}
	if len(more) > 0 {
		form.Set("setup_code", more[0])
	}
	return p.post("/register", form)
}

func (p *person) logIn(name string) answer {
	p.t.Helper()
	return p.post("/login", url.Values{"login": {name}, "password": {password}})
}

// cookie is the session's, for asking a node itself.
func (p *person) cookie() string {
	p.t.Helper()
	address, err := url.Parse(origin)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range p.client.Jar.Cookies(address) {
		return c.Name + "=" + c.Value
	}
	p.t.Fatal("there is no cookie")
	return ""
}

// socket is a page's, through nginx.
func (p *person) socket() *websocket.Conn {
	p.t.Helper()
	dialer := websocket.Dialer{NetDialContext: p.dial, TLSClientConfig: &tls.Config{RootCAs: p.front.roots}, Jar: p.client.Jar}
	conn, response, err := dialer.DialContext(p.t.Context(), "wss://"+site+"/ws", http.Header{"Origin": {origin}})
	if err != nil {
		p.t.Fatalf("the socket: %v (%+v)", err, response)
	}
	response.Body.Close()
	p.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

type frame struct {
	Type, Epoch, HTML string
	View              int64
}

// until reads frames until one matches.
func until(t *testing.T, conn *websocket.Conn, match func(frame) bool) frame {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for {
		var f frame
		if err := conn.ReadJSON(&f); err != nil {
			t.Fatalf("the socket: %v", err)
		}
		if match(f) {
			return f
		}
	}
}

// say sends a message to one node itself, past nginx, as if nginx had chosen it.
func say(t *testing.T, node *parley, cookie, conversation, body string) {
	t.Helper()
	form := url.Values{"body": {body}, "client_id": {uuid.NewString()}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+node.addr+conversation+"/messages", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Cookie", cookie)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusSeeOther {
		t.Fatalf("sending answers %d", response.StatusCode)
	}
}

// installed returns where nginx and the program are.
func installed(t *testing.T) (nginx, program string) {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		if nginx, err = exec.LookPath("/usr/sbin/nginx"); err != nil {
			t.Skip("nginx is not installed (scripts/install.sh test installs it)")
		}
	}
	program, err = programtest.Path()
	if err != nil {
		t.Fatal(err)
	}
	return nginx, program
}

// with lets somebody begin a conversation with somebody else, and returns its path.
func (p *person) with(username string) string {
	p.t.Helper()
	id, _ := p.get("/people/" + username).page.Find("input[name=person]").Attr("value")
	conversation := p.post("/conversations", url.Values{"person": {id}}).header.Get("Location")
	if !regexp.MustCompile(`^/conversations/[0-9a-f-]{36}$`).MatchString(conversation) {
		p.t.Fatalf("the conversation is at %q (person %q)", conversation, id)
	}
	return conversation
}

// follow opens a socket through nginx, and the conversation from its beginning on.
func (p *person) follow(conversation string) *websocket.Conn {
	p.t.Helper()
	socket := p.socket()
	hello := until(p.t, socket, func(f frame) bool { return f.Type == "hello" })
	if err := socket.WriteJSON(map[string]any{
		"type": "open", "conversation": strings.TrimPrefix(conversation, "/conversations/"), "epoch": hello.Epoch, "after": 0, "view": hello.View,
	}); err != nil {
		p.t.Fatal(err)
	}
	return socket
}

// TestTwoNodesBehindNginxWithRedis is the documented installation with several nodes: everything goes through nginx, which
// sends it where it likes, and nodes are restarted meanwhile.
func TestTwoNodesBehindNginxWithRedis(t *testing.T) {
	t.Parallel()
	nginx, program := installed(t)
	dsn := dbtest.New(t, dbtest.Empty()).DSN
	redis := "PARLEY_REDIS_URL=redis://" + nodestest.Start(t).Addr()
	one, two := start(t, program, freeAddr(t), dsn, redis), start(t, program, freeAddr(t), dsn, redis)
	front := startNginx(t, nginx, one, two)
	ana, ben := front.visitor(t, "127.0.0.1", "203.0.113.7"), front.visitor(t, "127.0.0.1", "203.0.113.8")
	code := one.await(t, "the code", func(l line) bool { return l.SetupCode != "" }).SetupCode
	for _, a := range []answer{ana.register("ana", code), ben.register("ben")} {
		if a.status != http.StatusSeeOther {
			t.Fatalf("registering: %d", a.status)
		}
	}
	conversation := ana.with("ben")
	posted := func(node *parley) bool {
		_, ok := node.find(func(l line) bool { return l.Path == conversation+"/messages" && l.Status == http.StatusSeeOther })
		return ok
	}
	heard := func(socket *websocket.Conn, body string) {
		t.Helper()
		until(t, socket, func(f frame) bool { return f.Type == "changes" && strings.Contains(f.HTML, body) })
	}
	send := func(body string) {
		t.Helper()
		if a := ana.post(conversation+"/messages", url.Values{"body": {body}, "client_id": {uuid.NewString()}}); a.status != http.StatusSeeOther {
			t.Fatalf("sending %s: %d", body, a.status)
		}
	}

	socket := ben.follow(conversation)
	until(t, socket, func(f frame) bool { return f.Type == "resumed" })
	var slowest time.Duration
	for i := range 8 {
		body := fmt.Sprintf("number %d.", i)
		began := time.Now()
		send(body)
		heard(socket, body)
		slowest = max(slowest, time.Since(began))
	}
	t.Logf("the slowest of 8 took %v", slowest.Round(time.Millisecond))
	// The socket keeps its node, so the messages were for the other one: each of them came through Redis.
	if posted(one) == posted(two) {
		t.Errorf("nodes that took one: %v, %v", posted(one), posted(two))
	}

	one.stop(t)
	send("while the first is away.")
	heard(ben.follow(conversation), "while the first is away.")
	start(t, program, one.addr, dsn, redis)
	two.stop(t)
	send("while the second is away.")
	socket = ben.follow(conversation)
	heard(socket, "while the second is away.")
	send("to the end.")
	heard(socket, "to the end.")
}

// TestTwoNodesBehindNginx is the documented installation: two processes on one database, behind Debian's nginx with TLS.
// There is no Redis: what one node does, the other learns by its sweep.
func TestTwoNodesBehindNginx(t *testing.T) {
	t.Parallel()
	nginx, program := installed(t)
	dsn := dbtest.New(t, dbtest.Empty()).DSN
	one, two := start(t, program, freeAddr(t), dsn), start(t, program, freeAddr(t), dsn)
	front := startNginx(t, nginx, one, two)

	const elsewhere = "203.0.113.7"
	ana := front.visitor(t, "127.0.0.1", elsewhere)
	ben := front.visitor(t, "127.0.0.1", "203.0.113.8")

	t.Run("plain HTTP leads to TLS", func(t *testing.T) {
		a := front.visitor(t, "127.0.0.1", "").get("http://" + site + "/people?q=x")
		if a.status != http.StatusMovedPermanently || a.header.Get("Location") != origin+"/people?q=x" {
			t.Errorf("%d to %s", a.status, a.header.Get("Location"))
		}
	})

	t.Run("secrets in addresses are not written into its log", func(t *testing.T) {
		visitor := front.visitor(t, "127.0.0.1", "")
		for _, path := range []string{"/reset/", "/confirm/", "/join/", "/groups/join/"} {
			visitor.get(path + "secret")
			visitor.get("http://" + site + path + "secret")
		}
		// One that says where it comes from, and one without a secret, which comes after all of them.
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, origin+"/login", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Referer", origin+"/reset/secret")
		response, err := visitor.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		visitor.get("/people?q=last")
		deadline := time.Now().Add(patience)
		for {
			log, err := os.ReadFile(front.log)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(log, []byte("secret")) {
				t.Fatalf("it says:\n%s", log)
			}
			if bytes.Contains(log, []byte("/people?q=last")) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("premise: nothing is written at all:\n%s", log)
			}
		}
	})

	t.Run("the first account needs the code from the log, whatever is claimed", func(t *testing.T) {
		const field = "input[name=setup_code]"
		for _, claims := range []string{"", elsewhere, "127.0.0.1, " + elsewhere, "::1," + elsewhere} {
			if a := front.visitor(t, "127.0.0.1", claims).get("/register"); a.status != 200 || a.page.Find(field).Length() == 0 {
				t.Errorf("%s is not asked for the code (%d)", claims, a.status)
			}
		}
		liar := front.visitor(t, "127.0.0.1", "127.0.0.1, "+elsewhere)
		if a := liar.register("eve"); a.status != http.StatusUnprocessableEntity {
			t.Errorf("without the code: %d", a.status)
		}
		code := one.await(t, "the code", func(l line) bool { return l.SetupCode != "" }).SetupCode
		if a := ana.register("ana", code); a.status != http.StatusSeeOther {
			t.Fatalf("with the code: %d", a.status)
		}
	})

	t.Run("answers are those of an installation behind TLS", func(t *testing.T) {
		a := ana.get("/")
		if a.status != 200 || a.proto != "HTTP/2.0" || a.header.Get("Strict-Transport-Security") == "" || !strings.HasPrefix(ana.cookie(), "__Host-") {
			t.Errorf("%s %d %v", a.proto, a.status, a.header)
		}
		if a := ben.register("ben"); a.status != http.StatusSeeOther {
			t.Errorf("registering: %d", a.status)
		}
	})

	t.Run("an address with 200 people in it comes through", func(t *testing.T) {
		query := url.Values{"q": {"ben"}, "name": {strings.Repeat("é", 80)}, "about": {strings.Repeat("é", 500)}}
		for range 200 {
			query.Add("people", uuid.NewString())
		}
		if a := ana.get("/groups/new?" + query.Encode()); a.status != 200 {
			t.Errorf("%d for %d bytes", a.status, len(query.Encode()))
		}
	})

	t.Run("logging in works through either node, and each knows the real address", func(t *testing.T) {
		seen := func(node *parley) bool {
			_, ok := node.find(func(l line) bool {
				return l.Path == "/login" && l.Method == http.MethodPost && l.Status == http.StatusSeeOther && l.Address == "203.0.113.9"
			})
			return ok
		}
		for range 8 {
			if a := front.visitor(t, "127.0.0.1", "203.0.113.9").logIn("ana"); a.status != http.StatusSeeOther {
				t.Fatalf("logging in: %d", a.status)
			}
		}
		if !seen(one) || !seen(two) {
			t.Errorf("nodes that saw it: %v, %v", seen(one), seen(two))
		}
		// Whom one node let in, the other knows.
		for range 4 {
			if a := ana.get("/conversations"); a.status != 200 {
				t.Errorf("the other node answers %d", a.status)
			}
		}
	})

	t.Run("a message sent on either node arrives at a socket within 3 s", func(t *testing.T) {
		conversation := ana.with("ben")
		socket := ben.follow(conversation)
		until(t, socket, func(f frame) bool { return f.Type == "resumed" })
		// The socket is on one of the two, so one of the messages comes from the other.
		for i, node := range []*parley{one, two} {
			var took time.Duration
			for try := range 3 { // on a busy machine a sweep may be late
				body := fmt.Sprintf("by node %d, number %d", i, try)
				say(t, node, ana.cookie(), conversation, body)
				began := time.Now()
				until(t, socket, func(f frame) bool { return f.Type == "changes" && strings.Contains(f.HTML, body) })
				if took = time.Since(began); took < 3*time.Second {
					break
				}
			}
			t.Logf("node %d: %v", i, took.Round(time.Millisecond))
			if took >= 3*time.Second {
				t.Errorf("by node %d it takes %v", i, took)
			}
		}
	})

	t.Run("whoever makes up addresses is counted under the real one", func(t *testing.T) {
		const attempts = 2*20 + 10 // each node counts for itself, and gives back one in 6 s
		refused := false
		for i := range attempts {
			guesser := front.visitor(t, "127.0.0.2", fmt.Sprintf("198.51.100.%d", i))
			a := guesser.post("/login", url.Values{"login": {fmt.Sprintf("nobody%d", i)}, "password": {"wrong"}})
			if refused = a.status == http.StatusTooManyRequests; refused {
				break
			}
		}
		if !refused {
			t.Errorf("%d attempts were let through", attempts)
		}
		if a := front.visitor(t, "127.0.0.1", "203.0.113.10").post("/login", url.Values{"login": {"nobody"}, "password": {"wrong"}}); a.status == http.StatusTooManyRequests {
			t.Error("somebody else is refused with it")
		}
	})

	t.Run("nodes may be restarted one after the other", func(t *testing.T) {
		works := func(while string) {
			t.Helper()
			for range 4 {
				if a := front.visitor(t, "127.0.0.1", "203.0.113.11").logIn("ben"); a.status != http.StatusSeeOther {
					t.Errorf("%s: %d", while, a.status)
				}
			}
		}
		one.stop(t)
		works("the first is away")
		one = start(t, program, one.addr, dsn)
		two.stop(t)
		works("the second is away, just after the first came back")
	})
}
