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

    /// Nil for a model of another format, or with an input or outputs of another kind.
    static func backend(for model: ModelEntry) -> (any Backend)? {
        all.first { $0.format == model.format && $0.takes.contains(model.input.dtype) && model.givesFloats }
    }
}
