package dev.fbdeploy.demo

import android.app.Activity
import android.view.View
import android.widget.AdapterView
import android.widget.ArrayAdapter
import android.widget.Spinner
import dev.fbdeploy.core.Backend
import dev.fbdeploy.core.Bundle
import dev.fbdeploy.core.ModelEntry

/** The choice of backend, model and threads; [onChosen] comes only for another choice than the last. */
class Switches(private val activity: Activity, private val onChosen: (Selection) -> Unit) {
    private var backends: List<Backend> = emptyList()
    private var models: List<ModelEntry> = emptyList()
    private var bundle: Bundle? = null
    private var last: Selection? = null

    /** What the [opened] bundle offers, with [chosen] chosen; null for its first model. */
    fun offer(opened: Bundle, chosen: Selection?) {
        bundle = opened
        last = chosen
        backends = Backends.usable(opened.config)
        if (backends.isEmpty()) return
        val threads = chosen?.threads ?: THREADS.first()
        fill(R.id.threads, THREADS.map(Int::toString), THREADS.indexOf(threads)) { choose() }
        val backend = backends.indexOfFirst { it.format == chosen?.model?.format }.coerceAtLeast(0)
        fill(R.id.backend, backends.map { it.name }, backend) {
            offerModels(backends[it], null)
            choose()
        }
        offerModels(backends[backend], chosen?.model)
    }

    private fun offerModels(backend: Backend, chosen: ModelEntry?) {
        val offered = bundle?.config?.models.orEmpty().filter { it.format == backend.format }
        if (offered == models && chosen == null) return
        models = offered
        fill(R.id.model, models.map { it.id.substringAfter('-') }, models.indexOf(chosen).coerceAtLeast(0)) { choose() }
    }

    private fun choose() {
        val backend = backends.getOrNull(spinner(R.id.backend).selectedItemPosition) ?: return
        val model = models.getOrNull(spinner(R.id.model).selectedItemPosition) ?: return
        val threads = THREADS.getOrNull(spinner(R.id.threads).selectedItemPosition) ?: return
        val chosen = Selection(backend, model, threads)
        if (model.format != backend.format || chosen == last) return
        last = chosen
        onChosen(chosen)
    }

    private fun fill(id: Int, items: List<String>, position: Int, onSelected: (Int) -> Unit) {
        val spinner = spinner(id)
        spinner.onItemSelectedListener = null
        spinner.adapter = ArrayAdapter(activity, android.R.layout.simple_spinner_dropdown_item, items)
        spinner.setSelection(position)
        spinner.onItemSelectedListener = object : AdapterView.OnItemSelectedListener {
            override fun onItemSelected(parent: AdapterView<*>?, view: View?, position: Int, id: Long) =
                onSelected(position)

            override fun onNothingSelected(parent: AdapterView<*>?) = Unit
        }
    }

    private fun spinner(id: Int): Spinner = activity.view(id)

    companion object {
        val THREADS = listOf(4, 1, 2, 8)
    }
}
