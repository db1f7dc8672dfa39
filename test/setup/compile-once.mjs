import vm from 'node:vm';

/**
 * Loaded in front of jest in each of its processes. Jest gives every suite globals of its own, and compiles whatever
 * the suite loads anew for them: its own runner and matchers, 35 ms in each of 180 suites, and the packages behind
 * what is tested, up to 80 ms. V8 can bind one compiled script to any number of globals; here jest gets that script
 * instead. What runs is the same code in the same globals; a run without this file differs in its time only.
 */

/** The compiled form of a file, and the way to jest for the `import()` calls in it: that of the suite that runs. */
class CommonJsFile {
  constructor(code, parameters, filename) {
    this.code = code;
    this.dynamicImport = undefined;
    this.script = new vm.Script(`(function (${parameters.join()}) {${code}\n})`, {
      filename,
      importModuleDynamically: (...request) => this.dynamicImport(...request),
    });
  }
}

const commonJsFiles = new Map();

/** @type {typeof vm.compileFunction} */
vm.compileFunction = (code, parameters, { filename, importModuleDynamically, parsingContext }) => {
  let file = commonJsFiles.get(filename);
  if (file?.code !== code) {
    file = new CommonJsFile(code, parameters, filename);
    commonJsFiles.set(filename, file);
  }
  file.dynamicImport = importModuleDynamically;
  return file.script.runInContext(parsingContext);
};

const esModules = new Map();

/** An ES module belongs to its globals; what V8 found out about its code can be used again. */
function compileModule(SourceTextModule, code, options) {
  const known = esModules.get(options.identifier);
  if (known?.code === code) {
    try {
      return new SourceTextModule(code, { ...options, cachedData: known.cachedData });
    } catch (error) {
      // V8 takes nothing from before its flags were changed, as a suite does that asks for a garbage collection.
      if (error.code !== 'ERR_VM_MODULE_CACHED_DATA_REJECTED') throw error;
    }
  }
  const module = new SourceTextModule(code, options);
  esModules.set(options.identifier, { code, cachedData: module.createCachedData() });
  return module;
}

vm.SourceTextModule = new Proxy(vm.SourceTextModule, {
  construct: (SourceTextModule, [code, options]) => compileModule(SourceTextModule, code, options),
});
