// Package media is the only room that touches libvips: pictures are decoded, turned and shrunk here and nowhere else,
// so the other packages build and test without C. Today it makes the library safe to feed and says which one it is;
// pictures of people and in messages come through here.
package media

/*
#cgo pkg-config: vips
#include <vips/vips.h>

static void parley_block_untrusted(void) {
#if VIPS_MAJOR_VERSION > 8 || (VIPS_MAJOR_VERSION == 8 && VIPS_MINOR_VERSION >= 13)
	vips_block_untrusted_set(TRUE);
#endif
}
*/
import "C"

import "github.com/h2non/bimg"

// libvips knows many formats, some through libraries with a history of holes (SVG, PDF, ImageMagick): those are blocked.
func init() {
	// bimg's own init has started libvips already, so the environment variable for this would come too late.
	C.parley_block_untrusted()
	bimg.VipsCacheSetMax(0)
	bimg.VipsCacheSetMaxMem(0)
}

// Version returns libvips' version, such as "8.14.1".
func Version() string { return bimg.VipsVersion }
