// Command go-verify says what Go's crypto/x509 makes of certificate chains: a line of JSON in, a line out.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// question is a chain, each certificate as DER, and what it is for.
type question struct {
	Leaf          []byte   `json:"leaf"`
	Intermediates [][]byte `json:"intermediates"`
	Roots         [][]byte `json:"roots"`
	Client        bool     `json:"client"`
	Now           int64    `json:"now"`
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	answers := bufio.NewWriter(os.Stdout)
	defer answers.Flush()
	for lines.Scan() {
		var asked question
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, "not a question:", err)
			os.Exit(2)
		}
		if err := asked.verify(); err != nil {
			fmt.Fprintf(answers, "%q\n", err.Error())
		} else {
			fmt.Fprintln(answers, "ok")
		}
	}
	if err := lines.Err(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func (asked question) verify() error {
	leaf, err := x509.ParseCertificate(asked.Leaf)
	if err != nil {
		return err
	}
	options := x509.VerifyOptions{CurrentTime: time.Unix(asked.Now, 0), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if asked.Client {
		options.KeyUsages = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	if options.Intermediates, err = pool(asked.Intermediates); err != nil {
		return err
	}
	if options.Roots, err = pool(asked.Roots); err != nil {
		return err
	}
	_, err = leaf.Verify(options)
	return err
}

func pool(certificates [][]byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	for _, der := range certificates {
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		pool.AddCert(certificate)
	}
	return pool, nil
}
