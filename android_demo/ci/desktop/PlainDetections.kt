package dev.fbdeploy.core

import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.floor

/** A detector's outputs for an input of [side] pixels: [count] boxes over each other, with smooth masks. */
fun madeUpDetections(count: Int, side: Int): Outputs {
    val boxes = FloatArray(4 * count) {
        val start = (it / 4 * 7 % 11) * side / 22f
        if (it % 4 < 2) start + it % 4 * 3 else start + side * (0.2f + 0.02f * (it / 4))
    }
    return mapOf(
        "boxes" to boxes,
        "scores" to FloatArray(count) { 0.95f - 0.02f * it },
        "labels" to FloatArray(count) { (it % 10).toFloat() },
        "masks" to FloatArray(count * MASK * MASK) {
            val (row, column) = Pair(it / MASK % MASK - MASK / 2, it % MASK - MASK / 2)
            1 - (row * row + column * column) / (0.5f * MASK * MASK)
        }
    )
}

/** Each pixel of a box by itself from four of a mask's values: what the app does without. */
fun plainMasks(answer: Answer.Detected): List<ObjectMask> = answer.all.map { found ->
    val (width, height) = answer.picture
    val (left, top, right, bottom) = found.box
    val masks = found.probabilities!!
    val columns = left.toInt() until minOf(width, ceil(right).toInt())
    val rows = top.toInt() until minOf(height, ceil(bottom).toInt())
    val inside = BooleanArray(columns.count() * rows.count()) {
        val u = (it % columns.count() + columns.first + 0.5 - left) / (right - left) * MASK - 0.5
        val v = (it / columns.count() + rows.first + 0.5 - top) / (bottom - top) * MASK - 0.5
        var sum = 0.0
        for (row in near(v)) {
            for (column in near(u)) sum += (1 - abs(v - row)) * (1 - abs(u - column)) * masks[row * MASK + column]
        }
        sum >= answer.thresholds.mask
    }
    ObjectMask(columns.first, rows.first, columns.count(), rows.count(), inside)
}

private fun near(place: Double): IntRange = floor(place).toInt().let { maxOf(0, it)..minOf(MASK - 1, it + 1) }

/** Of the default detector's masks, along a side. */
const val MASK = 28
