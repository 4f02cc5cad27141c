package static

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/evanw/esbuild/pkg/api"
)

// entry is the module that pages load. In dev it imports the others one by one; otherwise they are bundled into it,
// because thirty requests are slow to come by and small files compress badly.
const entry = "js/main.js"

// bundle joins a module with all that it imports, without comments and white space.
func bundle(files fs.FS, name string) ([]byte, error) {
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{name},
		Bundle:            true,
		Format:            api.FormatESModule,
		Target:            api.ES2023,
		Charset:           api.CharsetUTF8,
		LegalComments:     api.LegalCommentsNone,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		Plugins:           []api.Plugin{fromFS(files)},
	})
	if len(result.Errors) > 0 {
		return nil, fmt.Errorf("bundle %s: %s", name, result.Errors[0].Text)
	}
	if len(result.OutputFiles) != 1 {
		return nil, errors.New("bundle " + name + ": not one file")
	}
	return result.OutputFiles[0].Contents, nil
}

// fromFS lets the bundler read embedded files.
func fromFS(files fs.FS) api.Plugin {
	return api.Plugin{Name: "embedded", Setup: func(build api.PluginBuild) {
		build.OnResolve(api.OnResolveOptions{Filter: `.*`}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
			name := path.Clean(args.Path)
			if args.Importer != "" {
				name = path.Join(path.Dir(args.Importer), args.Path)
			}
			return api.OnResolveResult{Path: name, Namespace: "embedded"}, nil
		})
		build.OnLoad(api.OnLoadOptions{Filter: `.*`}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
			content, err := fs.ReadFile(files, args.Path)
			text := string(content)
			return api.OnLoadResult{Contents: &text, Loader: api.LoaderJS}, err
		})
	}}
}
