package nodestest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates. File holds its own, for SSL_CERT_FILE.
type Authority struct {
	File string

	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

// NewAuthority makes one, whose file is in a folder.
func NewAuthority(dir string) (*Authority, error) {
	a := &Authority{File: filepath.Join(dir, "authority.pem")}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "an authority for tests"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	var err error
	a.key, a.certificate, err = a.sign(template, a.File, "")
	return a, err
}

// sign makes a certificate and its key, and writes both down; without an authority's key it is signed by its own.
func (a *Authority) sign(template *x509.Certificate, file, keyFile string) (*ecdsa.PrivateKey, *x509.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	parent, signer := a.certificate, a.key
	if signer == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, nil, err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return nil, nil, err
	}
	if keyFile != "" {
		encoded, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			return nil, nil, err
		}
		if err := os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded}), 0o600); err != nil {
			return nil, nil, err
		}
	}
	certificate, err := x509.ParseCertificate(der)
	return key, certificate, err
}

// Args are what [Start] needs for a server that speaks TLS as well, at an address of its own, with a certificate for this
// machine, or for another name.
func (a *Authority) Args(t testing.TB, names ...string) (args []string, addr string) {
	t.Helper()
	dir := t.TempDir()
	file, keyFile := filepath.Join(dir, "redis.pem"), filepath.Join(dir, "redis.key")
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: "redis"}, DNSNames: names, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if len(names) == 0 {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	if _, _, err := a.sign(template, file, keyFile); err != nil {
		t.Fatalf("nodestest: %v", err)
	}
	addr = freeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	return []string{
		"--tls-port", port, "--tls-cert-file", file, "--tls-key-file", keyFile, "--tls-ca-cert-file", a.File,
		"--tls-auth-clients", "no",
	}, addr
}
