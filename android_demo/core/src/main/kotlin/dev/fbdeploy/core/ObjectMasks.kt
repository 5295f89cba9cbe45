package dev.fbdeploy.core

/**
 * Packed ARGB of each pixel of an answer's picture: the colour of the best of the objects [found] that
 * it is of, transparent where it is of none; null where there are no masks.
 */
fun maskArgb(answer: Answer.Detected, found: List<Detection>): IntArray? {
    if (found.none { it.probabilities != null }) return null
    val (width, height) = answer.picture
    val argb = IntArray(width * height)
    for (detection in found.asReversed()) {
        val mask = answer.mask(detection) ?: continue
        val colour = ClassColours.ofObject(detection.classIndex)
        for (row in mask.top until mask.top + mask.height) {
            for (column in mask.left until mask.left + mask.width) {
                if (mask[column, row]) argb[row * width + column] = colour
            }
        }
    }
    return argb
}
