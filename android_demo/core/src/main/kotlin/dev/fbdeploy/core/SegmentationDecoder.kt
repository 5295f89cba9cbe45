package dev.fbdeploy.core

/**
 * The class of each pixel of the network's input: logits of [shape] (1, classes, h, w) are resized to
 * it, bilinearly without aligned corners, and the largest wins, the lower index among equals.
 *
 * One row after the other: what is resized is never held whole. Calls come from one thread at a time.
 */
class SegmentationDecoder(private val spec: InputSpec, shape: List<Int>) : Decoder {
    init {
        require(shape.size == 4 && shape[0] == 1 && shape[1] in 2..MOST_CLASSES) {
            "logits of $shape are no segmenter's, (1, classes, height, width)"
        }
    }

    private val classes = shape[1]
    private val down = Axis(shape[2], spec.height)
    private val across = Axis(shape[3], spec.width)
    private val best = FloatArray(spec.width)

    override fun decode(outputs: Outputs, picture: PixelSize): Answer {
        val logits = outputs.getValue(ClassificationDecoder.LOGITS)
        require(logits.size == classes * down.size * across.size) {
            "${logits.size} logits for $classes classes of ${across.size} x ${down.size}"
        }
        val found = ByteArray(spec.width * spec.height)
        var upper = WideRow()
        var lower = WideRow()
        for (row in 0 until spec.height) {
            if (lower.row == down.before[row]) upper = lower.also { lower = upper }
            upper.read(logits, down.before[row])
            lower.read(logits, down.after[row])
            choose(upper.values, lower.values, down.weight[row], found, row * spec.width)
        }
        val mask = Mask(PixelSize(spec.width, spec.height), found)
        return Answer.Segmented(mask, mask.shares(Placement.of(picture, spec).shown(spec)))
    }

    /** Of one row, whose classes go to [found] from [start] on, [later] of the lower one's logits. */
    private fun choose(upper: FloatArray, lower: FloatArray, later: Float, found: ByteArray, start: Int) {
        val earlier = 1 - later
        best.fill(Float.NEGATIVE_INFINITY)
        var at = 0
        for (index in 0 until classes) {
            for (column in best.indices) {
                val value = earlier * upper[at] + later * lower[at]
                if (value > best[column]) {
                    best[column] = value
                    found[start + column] = index.toByte()
                }
                at++
            }
        }
    }

    /** A row of all classes' logits, resized along its width. */
    private inner class WideRow {
        val values = FloatArray(classes * spec.width)
        var row = -1
            private set

        fun read(logits: FloatArray, wanted: Int) {
            if (row == wanted) return
            row = wanted
            var at = 0
            for (index in 0 until classes) {
                val first = (index * down.size + wanted) * across.size
                for (column in 0 until spec.width) {
                    val later = across.weight[column]
                    values[at++] = (1 - later) * logits[first + across.before[column]] +
                        later * logits[first + across.after[column]]
                }
            }
        }
    }

    private companion object {
        const val MOST_CLASSES = 255
    }
}

/** Between which two of [size] values each of [count] pixels lies, and how near the later one, as PyTorch has it. */
private class Axis(val size: Int, count: Int) {
    private val scale = size.toFloat() / count
    private val places = FloatArray(count) { maxOf(scale * (it + 0.5f) - 0.5f, 0f) }

    val before = IntArray(count) { minOf(places[it].toInt(), size - 1) }
    val after = IntArray(count) { minOf(before[it] + 1, size - 1) }
    val weight = FloatArray(count) { minOf(places[it] - before[it], 1f) }
}
