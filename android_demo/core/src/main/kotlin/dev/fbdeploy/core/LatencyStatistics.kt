package dev.fbdeploy.core

/** Percentiles of latencies in milliseconds, interpolated linearly between order statistics. */
data class LatencyStatistics(val p50: Double, val p90: Double, val p99: Double, val mean: Double, val count: Int) {
    companion object {
        fun of(milliseconds: List<Double>): LatencyStatistics {
            require(milliseconds.isNotEmpty()) { "no latencies" }
            val sorted = milliseconds.sorted()
            return LatencyStatistics(
                p50 = percentile(sorted, 0.50),
                p90 = percentile(sorted, 0.90),
                p99 = percentile(sorted, 0.99),
                mean = sorted.average(),
                count = sorted.size
            )
        }

        /** Definition 7 of Hyndman and Fan (1996), numpy's default. */
        private fun percentile(sorted: List<Double>, fraction: Double): Double {
            val position = fraction * (sorted.size - 1)
            val below = position.toInt()
            val above = minOf(below + 1, sorted.size - 1)
            return sorted[below] + (sorted[above] - sorted[below]) * (position - below)
        }
    }
}

/** The last [capacity] latencies of the live view. Not thread-safe: one thread adds and reads. */
class LatencyWindow(private val capacity: Int = 100) {
    private val latencies = ArrayDeque<Double>()

    fun add(milliseconds: Double) {
        if (latencies.size == capacity) latencies.removeFirst()
        latencies.addLast(milliseconds)
    }

    fun clear() = latencies.clear()

    fun statistics(): LatencyStatistics? = if (latencies.isEmpty()) null else LatencyStatistics.of(latencies)
}
