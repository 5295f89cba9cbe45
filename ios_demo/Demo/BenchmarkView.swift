import DemoCore
import SwiftUI

/// Benchmark mode: times the chosen model or all, and offers the result file for
/// `fbdeploy import-results`.
struct BenchmarkView: View {
    let model: DemoModel
    @State private var benchmark = BenchmarkModel()
    @State private var iterations = 100
    @State private var seconds = 2.0
    @Environment(\.scenePhase) private var scenePhase

    var body: some View {
        ScrollView {
            VStack(alignment: .leading, spacing: 12) {
                Group {
                    SwitchesView(model: model)
                    Stepper("At least \(iterations) runs", value: $iterations, in: 10...10_000, step: 10)
                    Stepper("and \(Int(seconds)) seconds", value: $seconds, in: 1...60, step: 1)
                }
                .disabled(benchmark.isRunning)
                .monospacedDigit()
                buttons
                if !benchmark.outcomes.isEmpty {
                    OutcomesTable(outcomes: benchmark.outcomes)
                    SavingsList(savings: PixelSaving.all(of: benchmark.runs, model.models))
                }
                if let problem = benchmark.problem {
                    Label(problem, systemImage: "exclamationmark.triangle")
                }
                if let file = benchmark.file {
                    Text("Written to Documents/results/\(file.lastPathComponent)")
                        .font(.footnote)
                    ShareLink(item: file)
                }
            }
            .padding()
        }
        // The system slows down what is not on the screen.
        .onDisappear { benchmark.cancel() }
        .onChange(of: scenePhase) { _, phase in
            if phase == .background { benchmark.cancel() }
        }
    }

    @ViewBuilder private var buttons: some View {
        if benchmark.isRunning {
            HStack {
                ProgressView()
                Text(benchmark.current ?? "Starting…")
                Spacer()
                Button("Cancel", role: .cancel) { benchmark.cancel() }
            }
        } else {
            HStack {
                Button("Time this model") { run([model.selection.model]) }
                Spacer()
                Button("Time all \(model.models.count) models") { run(model.models) }
            }
            .buttonStyle(.bordered)
        }
    }

    private func run(_ models: [ModelEntry]) {
        let requests = models.map {
            BenchmarkRequest(model: $0.id, iterations: iterations, seconds: seconds, units: model.selection.units)
        }
        benchmark.run(requests, of: model)
    }
}

/// A row a model: preparation of a picture, latency, load time, and on how many golden pictures it ranks
/// as Python does.
private struct OutcomesTable: View {
    let outcomes: [BenchmarkOutcome]

    var body: some View {
        Grid(alignment: .leading, horizontalSpacing: 8, verticalSpacing: 6) {
            GridRow {
                Text("Model")
                Text("prepare")
                Text("p50 ms")
                Text("p90 ms")
                Text("load ms")
                Text("golden")
            }
            .font(.caption)
            .foregroundStyle(.secondary)
            ForEach(outcomes) { outcome in
                row(outcome)
            }
        }
        .font(.footnote)
        .monospacedDigit()
    }

    @ViewBuilder private func row(_ outcome: BenchmarkOutcome) -> some View {
        switch outcome.result {
        case .success(let run):
            GridRow {
                Text(run.model)
                Text(number(run.prepareMs, 2))
                Text(number(run.latencyMs.p50, 2))
                Text(number(run.latencyMs.p90, 2))
                Text(number(run.loadMs, 0))
                Text("\(run.golden.topEqual)/\(run.golden.images)")
            }
            .accessibilityElement(children: .ignore)
            .accessibilityLabel(run.model)
            .accessibilityValue(
                "\(number(run.latencyMs.p50, 2)) milliseconds after \(number(run.prepareMs, 2)) to prepare, "
                    + "\(run.golden.topEqual) of \(run.golden.images) golden pictures ranked as in Python")
        case .failure(let error):
            GridRow {
                Text(outcome.model)
                Text(error.description)
                    .gridCellColumns(5)
            }
        }
    }
}

/// What models save that take pixels: both times beside those of the same model with values in.
private struct SavingsList: View {
    let savings: [PixelSaving]

    var body: some View {
        ForEach(savings) { saving in
            Text(
                "\(saving.values): \(number(saving.valuesMs, 2)) ms to prepare and run, "
                    + "\(saving.pixels): \(number(saving.pixelsMs, 2)) ms"
            )
            .font(.footnote)
            .monospacedDigit()
        }
    }
}
