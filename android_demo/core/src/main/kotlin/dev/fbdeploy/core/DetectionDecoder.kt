package dev.fbdeploy.core

/** What of a detector's answer is shown: scores above [score], and of masks the pixels from [mask] on. */
data class DetectionThresholds(val score: Float, val mask: Double)

/**
 * What a detector found, in the picture's pixels, the best first: boxes are mapped back from the
 * network's input, as the picture lies under it. golden.json's schema has every step.
 */
class DetectionDecoder(private val spec: InputSpec, private val thresholds: DetectionThresholds, model: ModelEntry) :
    Decoder {
    private val count: Int
    private val side: Int

    init {
        val scores = model.output(SCORES).shape
        val boxes = model.output(BOXES).shape
        val labels = model.output(LABELS).shape
        val masks = model.outputs.firstOrNull { it.name == MASKS }?.shape
        require(scores.size == 2 && scores[0] == 1 && labels == scores && boxes == scores + SIDES) {
            "boxes of $boxes, scores of $scores and labels of $labels are no detector's"
        }
        count = scores[1]
        side = masks?.last() ?: 0
        require(masks == null || masks == listOf(1, count, side, side)) { "masks of $masks are no detector's" }
    }

    override fun decode(outputs: Outputs, picture: PixelSize): Answer {
        val scores = sized(outputs, SCORES, count)
        val boxes = sized(outputs, BOXES, SIDES * count)
        val labels = sized(outputs, LABELS, count)
        val masks = if (side > 0) sized(outputs, MASKS, count * side * side) else null
        val place = Placement.of(picture, spec)
        val across = Back(place.left, place.width, picture.width)
        val down = Back(place.top, place.height, picture.height)
        val found = scores.indices.filter { scores[it] > 0 }.sortedByDescending { scores[it] }.map {
            val (left, top, right, bottom) = boxes.slice(SIDES * it until SIDES * (it + 1))
            Detection(
                Math.rint(labels[it].toDouble()).toInt(),
                scores[it],
                Box(across(left), down(top), across(right), down(bottom)),
                masks?.copyOfRange(it * side * side, (it + 1) * side * side)
            )
        }
        return Answer.Detected(found, picture, thresholds)
    }

    private fun sized(outputs: Outputs, name: String, wanted: Int): FloatArray {
        val values = outputs.getValue(name)
        require(values.size == wanted) { "${values.size} values of $name, not $wanted" }
        require(values.all { it.isFinite() }) { "$name that are not finite" }
        return values
    }

    /** From the input's pixels along one side to the picture's, of which there are [pixels]. */
    private class Back(private val offset: Int, resized: Int, private val pixels: Int) {
        private val scale = pixels.toDouble() / resized

        /** As float32 has it. */
        operator fun invoke(place: Float): Double =
            ((place.toDouble() + offset) * scale).coerceIn(0.0, pixels.toDouble()).toFloat().toDouble()
    }

    private companion object {
        const val BOXES = "boxes"
        const val SCORES = "scores"
        const val LABELS = "labels"
        const val MASKS = "masks"
        const val SIDES = 4
    }
}
