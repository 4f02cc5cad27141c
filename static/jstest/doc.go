// Package jstest runs the tests of the page's JavaScript (static/js/test) where they belong: in a browser, under the
// policy that pages have. It holds nothing but its test.
package jstest
