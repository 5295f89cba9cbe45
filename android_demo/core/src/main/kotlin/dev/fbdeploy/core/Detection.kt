package dev.fbdeploy.core

import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.floor

/**
 * One object that a detector found: its [box] in the picture's continuous pixels, and with masks the
 * [probabilities], row by row, of a square over the box.
 */
class Detection(val classIndex: Int, val score: Float, val box: Box, val probabilities: FloatArray?) {
    /**
     * The pixels of a [picture] that are the object's, those from [threshold] on; null of a detector
     * without masks. golden.json's schema has every step.
     */
    fun mask(picture: PixelSize, threshold: Double): ObjectMask? {
        val probabilities = probabilities ?: return null
        if (box.right <= box.left || box.bottom <= box.top) return ObjectMask(0, 0, 0, 0, BooleanArray(0))
        val side = Math.round(Math.sqrt(probabilities.size.toDouble())).toInt()
        val rows = MaskAxis(box.top, box.bottom, side, picture.height)
        val columns = MaskAxis(box.left, box.right, side, picture.width)
        val inside = BooleanArray(rows.count * columns.count)
        val line = DoubleArray(side)
        for (row in 0 until rows.count) {
            for (place in 0 until side) {
                line[place] = rows.weighted(row) { probabilities[it * side + place].toDouble() }
            }
            for (column in 0 until columns.count) {
                inside[row * columns.count + column] = columns.weighted(column) { line[it] } >= threshold
            }
        }
        return ObjectMask(columns.first, rows.first, columns.count, rows.count, inside)
    }
}

/** The pixels from a box's [start] to its [end], and of which two of a mask's [side] values each is made. */
private class MaskAxis(start: Double, end: Double, private val side: Int, pixels: Int) {
    val first = floor(start).toInt().coerceIn(0, pixels)
    val count = maxOf(first, minOf(pixels, ceil(end).toInt())) - first
    private val places = DoubleArray(count) { (it + first + HALF - start) / (end - start) * side - HALF }
    private val before = IntArray(count) { floor(places[it]).toInt() }

    /** Beyond the mask there is nothing. */
    inline fun weighted(pixel: Int, value: (Int) -> Double): Double {
        var sum = 0.0
        for (place in before[pixel]..before[pixel] + 1) {
            if (place in 0 until side) sum += maxOf(0.0, 1 - abs(places[pixel] - place)) * value(place)
        }
        return sum
    }

    private companion object {
        const val HALF = 0.5
    }
}

/** Pixels of a picture, those of the rectangle at [left], [top] that are [inside], row after row; no others. */
class ObjectMask(val left: Int, val top: Int, val width: Int, val height: Int, private val inside: BooleanArray) {
    init {
        require(inside.size == width * height) { "${inside.size} pixels for a mask of $width x $height" }
    }

    /** Whether a pixel of the picture is the object's. */
    operator fun get(column: Int, row: Int): Boolean = column - left in 0 until width &&
        row - top in 0 until height &&
        inside[(row - top) * width + column - left]

    val area: Int get() = inside.count { it }

    /** How many pixels are both objects'. */
    fun shared(other: ObjectMask): Int {
        var count = 0
        for (row in maxOf(top, other.top) until minOf(top + height, other.top + other.height)) {
            for (column in maxOf(left, other.left) until minOf(left + width, other.left + other.width)) {
                if (this[column, row] && other[column, row]) count++
            }
        }
        return count
    }

    /** How many pixels are only one object's. */
    fun differing(other: ObjectMask): Int = area + other.area - 2 * shared(other)

    companion object {
        /** Of golden.json: lengths of runs without and with the object in turn, down the columns of a [picture]. */
        fun ofRuns(picture: PixelSize, runs: IntArray): ObjectMask {
            require(runs.all { it >= 0 } && runs.sumOf { it.toLong() } == picture.area) {
                "runs of another number of pixels than $picture has"
            }
            val inside = BooleanArray(picture.area.toInt())
            var at = 0
            runs.forEachIndexed { index, length ->
                if (index % 2 == 1) {
                    for (pixel in at until at + length) {
                        inside[pixel % picture.height * picture.width + pixel / picture.height] = true
                    }
                }
                at += length
            }
            return ObjectMask(0, 0, picture.width, picture.height, inside)
        }
    }
}
