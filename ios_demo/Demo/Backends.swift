import DemoCore

/// Every inference library of the app; a new one is one file and one line.
enum Backends {
    static let all: [any Backend] = {
        var backends: [any Backend] = [CoreMLBackend()]
        #if canImport(ExecuTorch)
            backends.append(ExecuTorchBackend())
        #endif
        return backends
    }()

    /// Nil for a model of another format, and for one that takes pixels: this app prepares floats.
    static func backend(for model: ModelEntry) -> (any Backend)? {
        all.first { $0.format == model.format && model.input.dtype == "float32" }
    }
}
