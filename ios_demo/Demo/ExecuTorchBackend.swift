#if canImport(ExecuTorch)
    import DemoCore
    import ExecuTorch
    import Foundation

    /// ExecuTorch, when its Swift package is added to the project (see the README).
    struct ExecuTorchBackend: Backend {
        let name = "executorch"
        let format = "executorch"
        let takes: Set<InputType> = [.float32, .uint8]
        let choosesComputeUnits = false

        /// The library does not tell its version: the project's build puts Package.resolved, which
        /// does, among the app's resources.
        func version() -> String {
            guard
                let file = Bundle.main.url(forResource: "Package", withExtension: "resolved"),
                let resolved = try? PackageResolved(json: Data(contentsOf: file)),
                let version = resolved.version(of: "executorch")
            else { return "unknown" }
            return version
        }

        func load(_ installed: URL, _ model: ModelEntry, _ units: ComputeUnits) throws -> sending any Classifier {
            let module = Module(filePath: installed.path)
            try module.load("forward")
            return ExecuTorchClassifier(module, model)
        }
    }

    private final class ExecuTorchClassifier: Classifier {
        private let module: Module
        private let shape: [Int]
        private let names: [String]

        init(_ module: Module, _ model: ModelEntry) {
            self.module = module
            shape = model.input.shape
            names = model.outputs.map(\.name)
        }

        func run(_ input: ModelInput) throws -> Outputs {
            let made = try module.forward(tensor(input))
            guard made.count == names.count else {
                throw BundleError("the model gave \(made.count) outputs, not \(names.count)")
            }
            var outputs: Outputs = [:]
            for (name, value) in zip(names, made) {
                guard let values: Tensor<Float> = value.tensor() else {
                    throw BundleError("the model's output \(name) is no tensor")
                }
                outputs[name] = values.scalars()
            }
            return outputs
        }

        private func tensor(_ input: ModelInput) throws -> any ValueConvertible {
            switch input {
            case .values(let floats): Tensor<Float>(floats, shape: shape)
            case .pixels(let bytes): Tensor<UInt8>(bytes, shape: shape)
            case .picture: throw BundleError("ExecuTorch takes tensors, no pictures")
            }
        }
    }
#endif
