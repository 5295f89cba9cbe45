package dev.fbdeploy.core

/** How much of a picture is of one class: [pixels] of the network's input, and their [share], 0..1. */
data class ClassShare(val classIndex: Int, val pixels: Int, val share: Double)

/** Columns and rows of a network's input. */
data class Region(val columns: IntRange, val rows: IntRange) {
    val area: Int get() = columns.count() * rows.count()
}

/** The class of each pixel of a network's input, row after row, one byte each. */
class Mask(val size: PixelSize, private val classes: ByteArray) {
    init {
        require(classes.size.toLong() == size.area) { "${classes.size} classes for a mask of $size" }
    }

    operator fun get(column: Int, row: Int): Int = classes[row * size.width + column].toInt() and 0xFF

    /** The classes of [region], the largest first, of equals the lower index. */
    fun shares(region: Region): List<ClassShare> {
        val counts = IntArray(CLASSES)
        for (row in region.rows) {
            for (column in region.columns) counts[this[column, row]]++
        }
        val area = region.area.toDouble()
        return counts.indices.filter { counts[it] > 0 }
            .sortedByDescending { counts[it] }
            .map { ClassShare(it, counts[it], counts[it] / area) }
    }

    /** How many pixels the two tell different classes of. */
    fun differing(other: Mask): Int {
        require(size == other.size) { "a mask of $size beside one of ${other.size}" }
        return classes.indices.count { classes[it] != other.classes[it] }
    }

    /** Packed ARGB of each pixel: [colours] of its class. */
    fun toArgb(colours: IntArray): IntArray = IntArray(classes.size) { colours[classes[it].toInt() and 0xFF] }

    companion object {
        private const val CLASSES = 256
        private const val RUN_BYTES = 3

        /** Of golden.json: a byte for the class and two for the length, the low one first. */
        fun ofRuns(size: PixelSize, runs: ByteArray): Mask {
            require(runs.size % RUN_BYTES == 0) { "runs of a mask that are cut off" }
            val classes = ByteArray(size.width * size.height)
            var at = 0
            for (run in runs.indices step RUN_BYTES) {
                val end = at + (runs[run + 1].toInt() and 0xFF) + 256 * (runs[run + 2].toInt() and 0xFF)
                require(end <= classes.size) { "runs of more than $size pixels" }
                classes.fill(runs[run], at, end)
                at = end
            }
            require(at == classes.size) { "runs of $at pixels for a mask of $size" }
            return Mask(size, classes)
        }
    }
}
