import Foundation

/// The phone around a run. `thermalStatus` is ProcessInfo's scale, 0 (nominal) to 3 (critical);
/// `batteryPercent` is 0...100; nil where the system does not tell.
public struct DeviceState: Codable, Equatable, Sendable {
    public var thermalStatus: Int?
    public var batteryPercent: Int?
    public var charging: Bool?
    public var powerSave: Bool?

    public init(thermalStatus: Int?, batteryPercent: Int?, charging: Bool?, powerSave: Bool?) {
        self.thermalStatus = thermalStatus
        self.batteryPercent = batteryPercent
        self.charging = charging
        self.powerSave = powerSave
    }

    enum CodingKeys: String, CodingKey {
        case thermalStatus, batteryPercent, charging, powerSave
    }

    /// Null is written, not left out: the schema wants every key.
    public func encode(to encoder: Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(thermalStatus, forKey: .thermalStatus)
        try container.encode(batteryPercent, forKey: .batteryPercent)
        try container.encode(charging, forKey: .charging)
        try container.encode(powerSave, forKey: .powerSave)
    }
}

/// The phone itself.
public struct Device: Codable, Equatable, Sendable {
    public var manufacturer: String
    public var model: String
    public var osVersion: String
    public var abi: String
    public var cores: Int

    public init(manufacturer: String, model: String, osVersion: String, abi: String, cores: Int) {
        self.manufacturer = manufacturer
        self.model = model
        self.osVersion = osVersion
        self.abi = abi
        self.cores = cores
    }
}

/// One timed model, as the result file has it.
public struct BenchmarkRun: Codable, Sendable {
    public struct Percentiles: Codable, Sendable {
        public var p50: Double
        public var p90: Double
        public var p99: Double
    }

    public struct Agreement: Codable, Sendable {
        public var images: Int
        public var pixelMaxAbs: Int
        public var tensorMaxAbs: Double
        public var logitMaxAbs: Double
        public var topEqual: Int
    }

    public var model: String
    public var sha256: String
    public var format: String
    public var precision: String
    public var backend: String
    public var backendVersion: String
    public var computeUnits: ComputeUnits?
    /// Always null: iOS and its libraries choose.
    public var threads: Int?
    public var warmup: Int
    public var iterations: Int
    public var loadMs: Double
    /// The median of making the model's input of a golden picture.
    public var prepareMs: Double
    public var latenciesMs: [Double]
    public var latencyMs: Percentiles
    public var golden: Agreement
    public var before: DeviceState
    public var after: DeviceState

    init(
        entry: ModelEntry, backend: any Backend, units: ComputeUnits, load: Double, prepare: Double,
        warmup: Int, latencies: [Double], golden report: GoldenReport, before: DeviceState, after: DeviceState
    ) {
        model = entry.id
        sha256 = entry.sha256
        format = entry.format
        precision = entry.precision
        self.backend = backend.name
        backendVersion = backend.version()
        computeUnits = backend.choosesComputeUnits ? units : nil
        threads = nil
        self.warmup = warmup
        iterations = latencies.count
        loadMs = load
        prepareMs = prepare
        latenciesMs = latencies
        let statistics = LatencyStatistics(latencies)
        latencyMs = Percentiles(
            p50: statistics?.p50 ?? 0, p90: statistics?.p90 ?? 0, p99: statistics?.p99 ?? 0)
        golden = Agreement(
            images: report.images, pixelMaxAbs: report.pixelMaxAbs, tensorMaxAbs: report.tensorMaxAbs,
            logitMaxAbs: report.logitMaxAbs, topEqual: report.topEqual)
        self.before = before
        self.after = after
    }

    enum CodingKeys: String, CodingKey {
        case model, sha256, format, precision, backend, backendVersion, computeUnits, threads, warmup
        case iterations, loadMs, prepareMs, latenciesMs, latencyMs, golden, before, after
    }

    /// As for `DeviceState`: null is written.
    public func encode(to encoder: Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(model, forKey: .model)
        try container.encode(sha256, forKey: .sha256)
        try container.encode(format, forKey: .format)
        try container.encode(precision, forKey: .precision)
        try container.encode(backend, forKey: .backend)
        try container.encode(backendVersion, forKey: .backendVersion)
        try container.encode(computeUnits, forKey: .computeUnits)
        try container.encode(threads, forKey: .threads)
        try container.encode(warmup, forKey: .warmup)
        try container.encode(iterations, forKey: .iterations)
        try container.encode(loadMs, forKey: .loadMs)
        try container.encode(prepareMs, forKey: .prepareMs)
        try container.encode(latenciesMs, forKey: .latenciesMs)
        try container.encode(latencyMs, forKey: .latencyMs)
        try container.encode(golden, forKey: .golden)
        try container.encode(before, forKey: .before)
        try container.encode(after, forKey: .after)
    }
}

/// The document that `fbdeploy import-results` validates.
public struct Results: Codable, Sendable {
    public var schemaVersion: Int
    public var app: String
    public var platform: String
    public var startedAt: String
    public var network: String
    public var device: Device
    public var runs: [BenchmarkRun]

    public init(startedAt: Date, network: String, device: Device, runs: [BenchmarkRun]) {
        schemaVersion = 1
        app = "ios_demo"
        platform = "ios"
        let formatter = ISO8601DateFormatter()
        formatter.formatOptions = [.withInternetDateTime]
        self.startedAt = formatter.string(from: startedAt)
        self.network = network
        self.device = device
        self.runs = runs
    }

    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys]
        return try encoder.encode(self)
    }
}
