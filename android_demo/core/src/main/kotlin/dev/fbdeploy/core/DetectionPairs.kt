package dev.fbdeploy.core

/** A detection of each side, by index, and their boxes' intersection over union. */
data class DetectionPair(val first: Int, val second: Int, val overlap: Double)

/** Which detections of two answers are the same, and how much of them differs. */
object DetectionPairs {
    private const val OVERLAP = 0.5

    /** Those of one class that overlap by half or more, those that overlap most first. */
    fun of(first: List<Detection>, second: List<Detection>): List<DetectionPair> {
        val left = first.indices.flatMap { one ->
            second.indices.filter { first[one].classIndex == second[it].classIndex }
                .map { DetectionPair(one, it, overlap(first[one].box, second[it].box)) }
        }.filter { it.overlap >= OVERLAP }.sortedByDescending { it.overlap }
        val firsts = HashSet<Int>()
        val seconds = HashSet<Int>()
        return left.filter {
            val free = it.first !in firsts && it.second !in seconds
            if (free) {
                firsts += it.first
                seconds += it.second
            }
            free
        }
    }

    /**
     * What share of both sides' scores differs, 0..1; [overlap] says how far a pair covers each other.
     * Boxes without area, such as those in the padding, count for nothing.
     */
    fun apart(
        first: List<Detection>,
        second: List<Detection>,
        overlap: (DetectionPair) -> Double = { it.overlap }
    ): Double {
        val total = (first + second).filter { area(it.box) > 0 }.sumOf { it.score.toDouble() }
        if (total == 0.0) return 0.0
        val alike = of(first, second).sumOf {
            2 * minOf(first[it.first].score, second[it.second].score).toDouble() * overlap(it)
        }
        return maxOf(0.0, 1 - alike / total)
    }

    fun overlap(first: Box, second: Box): Double {
        val width = minOf(first.right, second.right) - maxOf(first.left, second.left)
        val height = minOf(first.bottom, second.bottom) - maxOf(first.top, second.top)
        if (width <= 0 || height <= 0) return 0.0
        val shared = width * height
        return shared / (area(first) + area(second) - shared)
    }

    private fun area(box: Box) = (box.right - box.left) * (box.bottom - box.top)
}
