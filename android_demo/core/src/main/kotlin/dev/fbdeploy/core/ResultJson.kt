package dev.fbdeploy.core

/** The benchmark result document that `fbdeploy import-results` validates (schema version 1). */
object ResultJson {
    private const val SCHEMA_VERSION = 1

    fun write(app: String, startedAt: String, network: String, device: Device, runs: List<BenchmarkRun>): String =
        Json.write(
            mapOf(
                "schema_version" to SCHEMA_VERSION,
                "app" to app,
                "platform" to "android",
                "started_at" to startedAt,
                "network" to network,
                "device" to device(device),
                "runs" to runs.map(::run)
            )
        )

    private fun device(device: Device) = mapOf(
        "manufacturer" to device.manufacturer,
        "model" to device.model,
        "os_version" to device.osVersion,
        "abi" to device.abi,
        "cores" to device.cores,
        "core_max_khz" to device.coreMaxKilohertz
    )

    private fun run(run: BenchmarkRun): Map<String, Any?> {
        val statistics = LatencyStatistics.of(run.latencies)
        return mapOf(
            "model" to run.entry.id,
            "sha256" to run.entry.sha256,
            "format" to run.entry.format,
            "precision" to run.entry.precision,
            "backend" to run.backend,
            "backend_version" to run.backendVersion,
            "compute_units" to null,
            "threads" to run.request.threads,
            "warmup" to run.warmupRuns,
            "iterations" to run.latencies.size,
            "load_ms" to run.loadMilliseconds,
            "prepare_ms" to run.prepareMilliseconds,
            "latencies_ms" to run.latencies,
            "latency_ms" to mapOf("p50" to statistics.p50, "p90" to statistics.p90, "p99" to statistics.p99),
            "golden" to golden(run.golden),
            "before" to state(run.before),
            "after" to state(run.after)
        )
    }

    private fun golden(report: GoldenReport) = mapOf(
        "images" to report.images,
        "pixel_max_abs" to report.pixelMaxAbs,
        "tensor_max_abs" to report.tensorMaxAbs,
        "logit_max_abs" to report.logitMaxAbs,
        "top_equal" to report.topEqual
    )

    private fun state(state: DeviceState) = mapOf(
        "thermal_status" to state.thermalStatus,
        "battery_percent" to state.batteryPercent,
        "charging" to state.charging,
        "power_save" to state.powerSave
    )
}
