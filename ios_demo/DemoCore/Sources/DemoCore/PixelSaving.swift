/// A model that takes pixels beside the same with values in: medians of preparing a picture and running
/// it, added, in milliseconds.
public struct PixelSaving: Equatable, Identifiable, Sendable {
    public let pixels: String
    public let pixelsMs: Double
    public let values: String
    public let valuesMs: Double

    public var id: String { pixels }

    /// One for each of `models` that takes pixels, if both were timed. An id is FORMAT-BUILD, then the
    /// variant.
    public static func all(of runs: [BenchmarkRun], _ models: [ModelEntry]) -> [PixelSaving] {
        let times = Dictionary(runs.map { ($0.model, $0.prepareMs + $0.latencyMs.p50) }) { $1 }
        return models.filter { $0.input.dtype != .float32 }.compactMap { model in
            guard let dash = model.id.lastIndex(of: "-") else { return nil }
            let other = String(model.id[..<dash])
            guard let pixelsMs = times[model.id], let valuesMs = times[other] else { return nil }
            return PixelSaving(pixels: model.id, pixelsMs: pixelsMs, values: other, valuesMs: valuesMs)
        }
    }
}
