package dev.fbdeploy.core

/** Python's detection: as an app's, with the [mask] that is shown of it. */
class GoldenDetection(val detection: Detection, val mask: ObjectMask?)

/** Holds an answer to a golden picture against Python's. */
class DetectionCheck(private val expected: GoldenAnswer.Detected) {
    /** Pixels of masks that were told otherwise. */
    var maskPixels = 0
        private set

    /** The share of scores that differed. */
    var apart = 0.0
        private set

    /** What is wrong with an answer to Python's own outputs: the same, but for pixels of masks; null if nothing. */
    fun same(answer: Answer.Detected): String? {
        val wanted = expected.detections.map { it.detection }
        val other = answer.all.map(::told)
        if (other != wanted.map(::told)) return "finds $other, Python ${wanted.map(::told)}"
        val shown = answer.above(answer.thresholds.score)
        if (shown.size != expected.shown) return "shows ${shown.size} detections, Python ${expected.shown}"
        for ((own, golden) in shown.zip(expected.detections)) {
            val mask = answer.mask(own)
            if ((mask == null) != (golden.mask == null)) return "has masks where Python has none, or none where it has"
            if (mask != null && golden.mask != null) maskPixels += mask.differing(golden.mask)
        }
        if (maskPixels <= expected.undecided) return null
        return "tells $maskPixels pixels of masks otherwise than Python, and ${expected.undecided} may be"
    }

    /** What is wrong with an answer to outputs of this app's own. */
    fun near(answer: Answer.Detected): String? {
        apart = DetectionPairs.apart(expected.detections.map { it.detection }, answer.all)
        if (apart > expected.apart) return "finds what is $apart apart from Python's, and ${expected.apart} may be"
        val golden = expected.detections.filter { it.mask != null }
        val own = answer.above(answer.thresholds.score).map { GoldenDetection(it, answer.mask(it)) }
        val masks = DetectionPairs.apart(golden.map { it.detection }, own.map { it.detection }) { pair ->
            overlap(golden[pair.first].mask, own[pair.second].mask)
        }
        if (golden.isEmpty() || masks <= 2 * expected.apart) return null
        return "has masks that are $masks apart from Python's, and ${2 * expected.apart} may be"
    }

    private fun overlap(first: ObjectMask?, second: ObjectMask?): Double {
        if (first == null || second == null) return 0.0
        val shared = first.shared(second)
        val whole = first.area + second.area - shared
        // Two that have no pixel are alike.
        return if (whole == 0) 1.0 else shared.toDouble() / whole
    }

    private fun told(detection: Detection) = Triple(detection.classIndex, detection.score, detection.box)
}
