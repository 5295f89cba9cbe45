package dev.fbdeploy.demo

import android.app.Activity
import android.view.View
import android.widget.LinearLayout
import android.widget.ProgressBar
import android.widget.TextView
import dev.fbdeploy.core.Answer
import dev.fbdeploy.core.ClassColours
import dev.fbdeploy.core.Detection
import dev.fbdeploy.core.LiveResult
import kotlin.math.roundToInt

/** The answer as text and bars, and where the time went. */
class ResultPanel(private val activity: Activity) {
    private val headline: TextView = activity.view(R.id.headline)
    private val times: TextView = activity.view(R.id.times)
    private val opacity: View = activity.view(R.id.opacity)
    private val threshold: View = activity.view(R.id.threshold_row)
    private val rows = ArrayList<View>()

    init {
        repeat(ROWS) { addRow() }
    }

    private fun addRow() {
        val list: LinearLayout = activity.view(R.id.ranking)
        rows += activity.layoutInflater.inflate(R.layout.row, list, false).also(list::addView)
    }

    fun say(message: String) {
        tell(message)
        fill(emptyList())
        offer(null)
        times.text = ""
    }

    fun show(result: LiveResult, look: DetectionLook, dropped: Long, live: Boolean) {
        when (val answer = result.answer) {
            is Answer.Ranking -> show(answer, look.labels)
            is Answer.Segmented -> show(answer, look.labels)
            is Answer.Detected -> show(answer.above(look.threshold), look.labels)
        }
        offer(result.answer)
        times.text = lines(result, dropped, live).joinToString("\n")
    }

    private fun show(ranking: Answer.Ranking, labels: List<String>) {
        val named = ranking.best.map { name(labels, it.classIndex) to it.probability }
        tell(if (ranking.sure) named.first().first else activity.getString(R.string.nothing_sure))
        fill(named.map { (name, probability) -> Line(name, probability, null) })
    }

    /** The legend of the mask. */
    private fun show(segmented: Answer.Segmented, labels: List<String>) {
        val (ground, things) = segmented.shares.partition { it.classIndex == 0 }
        tell(things.ifEmpty { ground }.joinToString(", ") { name(labels, it.classIndex) })
        fill(segmented.shares.map { Line(name(labels, it.classIndex), it.share, ClassColours.argb[it.classIndex]) })
    }

    /** What was found, and a row for each. */
    private fun show(found: List<Detection>, labels: List<String>) {
        val counts = found.groupingBy { it.classIndex }.eachCount()
        val nothing = activity.getString(R.string.nothing_found)
        tell(
            counts.entries.joinToString(", ") { (index, count) ->
                "$count ${name(labels, index)}"
            }.ifEmpty { nothing }
        )
        fill(
            found.take(LONGEST).map {
                Line(name(labels, it.classIndex), it.score.toDouble(), ClassColours.ofObject(it.classIndex))
            }
        )
    }

    /** The sliders that change how [answer] is shown. */
    private fun offer(answer: Answer?) {
        val masked = answer is Answer.Segmented ||
            (answer is Answer.Detected && answer.all.any { it.probabilities != null })
        opacity.visibility = if (masked) View.VISIBLE else View.GONE
        threshold.visibility = if (answer is Answer.Detected) View.VISIBLE else View.GONE
    }

    /** The score, 0..1, above which detections are shown. */
    fun tellThreshold(part: Float) {
        activity.view<TextView>(R.id.threshold_text).text = activity.getString(R.string.threshold_text, part)
    }

    /** A row: [part] is 0..1, the [colour] packed ARGB. */
    private class Line(val label: String, val part: Double, val colour: Int?)

    /** The first places are kept where there is nothing to fill them; a long legend has more. */
    private fun fill(lines: List<Line>) {
        while (rows.size < lines.size) addRow()
        rows.forEachIndexed { index, row ->
            val line = lines.getOrNull(index)
            val empty = if (index < ROWS) View.INVISIBLE else View.GONE
            row.visibility = if (line == null) empty else View.VISIBLE
            if (line != null) fill(row, line)
        }
    }

    private fun fill(row: View, line: Line) {
        val swatch: View = row.view(R.id.swatch)
        swatch.visibility = if (line.colour == null) View.GONE else View.VISIBLE
        if (line.colour != null) swatch.setBackgroundColor(line.colour)
        row.view<TextView>(R.id.label).text = line.label
        row.view<ProgressBar>(R.id.bar).progress = (BAR * line.part).roundToInt()
        row.view<TextView>(R.id.percent).text = activity.getString(R.string.probability, 100 * line.part)
        row.contentDescription = activity.getString(R.string.probability_description, line.label, 100 * line.part)
    }

    private fun lines(result: LiveResult, dropped: Long, live: Boolean): List<String> {
        val latency = result.inference
        val part = result.times
        val rate = result.framesPerSecond
        return listOfNotNull(
            activity.getString(R.string.inference_line, latency.p50, latency.p90, latency.p99),
            activity.getString(R.string.breakdown_line, part.camera, part.prepare, part.infer, part.decode),
            if (live && rate != null) activity.getString(R.string.rate_line, rate, dropped) else null
        )
    }

    /** Only what is new is set, since a screen reader reads it aloud. */
    private fun tell(text: String) {
        if (headline.text.toString() != text) headline.text = text
    }

    companion object {
        private const val ROWS = 5
        private const val LONGEST = 20
        private const val BAR = 1000
        private const val PART = "%s  %.1f %%"

        fun name(labels: List<String>, index: Int): String = labels.getOrElse(index) { "class $index" }

        /** The ranking, the legend, or what was found, as text to be shared. */
        fun text(result: LiveResult, look: DetectionLook): String = when (val answer = result.answer) {
            is Answer.Ranking -> answer.best.joinToString("\n") {
                PART.format(name(look.labels, it.classIndex), 100 * it.probability)
            }

            is Answer.Segmented -> answer.shares.joinToString("\n") {
                PART.format(name(look.labels, it.classIndex), 100 * it.share)
            }

            is Answer.Detected -> answer.above(look.threshold).joinToString("\n") {
                PART.format(name(look.labels, it.classIndex), 100 * it.score)
            }
        }
    }
}
