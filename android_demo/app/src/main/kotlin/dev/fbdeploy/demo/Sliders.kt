package dev.fbdeploy.demo

import android.widget.SeekBar

/** Calls [then] with the part of the way, 0..1, that the slider stands at: now, and whenever it is moved. */
fun SeekBar.follow(then: (Float) -> Unit) {
    then(part)
    setOnSeekBarChangeListener(
        object : SeekBar.OnSeekBarChangeListener {
            override fun onProgressChanged(bar: SeekBar, progress: Int, fromUser: Boolean) = then(bar.part)

            override fun onStartTrackingTouch(bar: SeekBar) = Unit

            override fun onStopTrackingTouch(bar: SeekBar) = Unit
        }
    )
}

private val SeekBar.part: Float get() = progress.toFloat() / max
