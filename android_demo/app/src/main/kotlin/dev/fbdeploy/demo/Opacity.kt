package dev.fbdeploy.demo

import android.widget.SeekBar

/** Masks are drawn as opaque as the [slider] says. */
fun followOpacity(slider: SeekBar, masks: MaskOverlay) {
    masks.opacity = slider.progress.toFloat() / slider.max
    slider.setOnSeekBarChangeListener(
        object : SeekBar.OnSeekBarChangeListener {
            override fun onProgressChanged(bar: SeekBar, progress: Int, fromUser: Boolean) {
                masks.opacity = progress.toFloat() / bar.max
            }

            override fun onStartTrackingTouch(bar: SeekBar) = Unit

            override fun onStopTrackingTouch(bar: SeekBar) = Unit
        }
    )
}
