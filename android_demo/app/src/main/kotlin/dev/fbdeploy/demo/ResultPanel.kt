package dev.fbdeploy.demo

import android.app.Activity
import android.view.View
import android.view.ViewGroup
import android.widget.LinearLayout
import android.widget.ProgressBar
import android.widget.TextView
import dev.fbdeploy.core.Answer
import dev.fbdeploy.core.LiveResult
import kotlin.math.roundToInt

/** The answer as text and bars of fixed places, and where the time went. */
class ResultPanel(private val activity: Activity) {
    private val headline: TextView = activity.view(R.id.headline)
    private val times: TextView = activity.view(R.id.times)
    private val rows: List<View>

    init {
        val list: LinearLayout = activity.view(R.id.ranking)
        rows = List(ROWS) { addRow(list) }
    }

    private fun addRow(list: ViewGroup): View =
        activity.layoutInflater.inflate(R.layout.row, list, false).also(list::addView)

    fun say(message: String) {
        tell(message)
        rows.forEach { it.visibility = View.INVISIBLE }
        times.text = ""
    }

    fun show(result: LiveResult, labels: List<String>, dropped: Long, live: Boolean) {
        when (val answer = result.answer) {
            is Answer.Ranking -> show(answer, labels)
        }
        times.text = lines(result, dropped, live).joinToString("\n")
    }

    private fun show(ranking: Answer.Ranking, labels: List<String>) {
        val named = ranking.best.map { name(labels, it.classIndex) to it.probability }
        tell(if (ranking.sure) named.first().first else activity.getString(R.string.nothing_sure))
        rows.forEachIndexed { index, row ->
            val entry = named.getOrNull(index)
            row.visibility = if (entry == null) View.INVISIBLE else View.VISIBLE
            if (entry != null) fill(row, entry.first, entry.second)
        }
    }

    private fun fill(row: View, label: String, probability: Double) {
        row.view<TextView>(R.id.label).text = label
        row.view<ProgressBar>(R.id.bar).progress = (BAR * probability).roundToInt()
        row.view<TextView>(R.id.percent).text = activity.getString(R.string.probability, 100 * probability)
        row.contentDescription = activity.getString(R.string.probability_description, label, 100 * probability)
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
        private const val BAR = 1000

        fun name(labels: List<String>, index: Int): String = labels.getOrElse(index) { "class $index" }

        /** The ranking as text, to be shared. */
        fun text(result: LiveResult, labels: List<String>): String = when (val answer = result.answer) {
            is Answer.Ranking -> answer.best.joinToString("\n") {
                "%s  %.1f %%".format(name(labels, it.classIndex), 100 * it.probability)
            }
        }
    }
}
