import DemoCore
import SwiftUI

/// Benchmark mode: times the chosen model and offers the result file for `fbdeploy import-results`.
struct BenchmarkView: View {
    let model: DemoModel
    @State private var iterations = 100
    @State private var seconds = 2.0
    @State private var running = false
    @State private var file: URL?
    @State private var problem: String?

    var body: some View {
        VStack(alignment: .leading) {
            SwitchesView(model: model)
            Stepper("At least \(iterations) runs", value: $iterations, in: 10...10_000, step: 10)
            Stepper("and \(Int(seconds)) seconds", value: $seconds, in: 1...60, step: 1)
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
            model: model.modelID, iterations: iterations, seconds: seconds, units: model.computeUnits)
        do {
            file = try await model.benchmark(request)
            problem = nil
        } catch {
            problem = String(describing: error)
        }
    }
}
