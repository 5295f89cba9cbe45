import DemoCore
import SwiftUI

/// Benchmark mode: times the chosen model and offers the result file for `fbdeploy import-results`.
struct BenchmarkView: View {
    let model: DemoModel
    @State private var iterations = 100
    @State private var warmup = 10
    @State private var running = false
    @State private var file: URL?
    @State private var problem: String?

    var body: some View {
        VStack(alignment: .leading) {
            SwitchesView(model: model)
            Stepper("Iterations: \(iterations)", value: $iterations, in: 10...10_000, step: 10)
            Stepper("Warm-up: \(warmup)", value: $warmup, in: 0...1_000, step: 10)
            Button(running ? "Running…" : "Run") {
                Task { await run() }
            }
            .disabled(running)
            if let problem {
                Text(problem)
            }
            if let file {
                Text("Written to Documents/results/\(file.lastPathComponent)")
                ShareLink(item: file)
            }
        }
        .padding()
    }

    private func run() async {
        running = true
        defer { running = false }
        let request = BenchmarkRequest(
            model: model.modelID, iterations: iterations, warmup: warmup, options: model.options)
        do {
            file = try await model.benchmark(request)
            problem = nil
        } catch {
            problem = String(describing: error)
        }
    }
}
