package dev.fbdeploy.demo

import android.app.Activity
import android.content.Context
import android.graphics.Matrix
import android.graphics.SurfaceTexture
import android.hardware.display.DisplayManager
import android.view.OrientationEventListener
import android.view.Surface
import android.view.TextureView
import dev.fbdeploy.core.FrameGeometry
import dev.fbdeploy.core.HeldOrientation
import dev.fbdeploy.core.InputSpec
import dev.fbdeploy.core.Orientation
import dev.fbdeploy.core.PixelSize
import dev.fbdeploy.core.RgbImage
import dev.fbdeploy.core.YuvImage
import dev.fbdeploy.core.textureTransform

/**
 * The camera's whole picture, fitted, with what the network sees marked. Frames stand upright as the
 * device is held, even where the screen does not turn with it. Used on the main thread.
 */
class CameraPreview(
    private val activity: Activity,
    private val texture: TextureView,
    private val overlay: CropOverlay,
    private val spec: () -> InputSpec?,
    private val listener: Listener
) : TextureView.SurfaceTextureListener,
    CameraSource.Listener {
    interface Listener {
        /** On the camera's thread; [convert] works while the call lasts. */
        fun onFrame(convert: () -> RgbImage)

        /** A string resource, on the main thread. */
        fun onProblem(message: Int)

        /** The camera is at work, or will be. */
        fun onStarted()
    }

    private val source = CameraSource(activity, this)
    private val held = HeldOrientation(Orientation.deviceFromDisplay(displayDegrees()))
    private var facts: CameraFacts? = null
    private var wanted = false

    /** How the network's frames lie; read on the camera's thread. */
    @Volatile
    private var network: FrameGeometry? = null

    private val tilt = object : OrientationEventListener(activity) {
        override fun onOrientationChanged(orientation: Int) {
            if (held.update(orientation)) arrange()
        }
    }

    // A screen that turns by 180 degrees restarts nothing and tells only this.
    private val displays = object : DisplayManager.DisplayListener {
        override fun onDisplayChanged(displayId: Int) = arrange()

        override fun onDisplayAdded(displayId: Int) = Unit

        override fun onDisplayRemoved(displayId: Int) = Unit
    }

    init {
        texture.surfaceTextureListener = this
    }

    /** The camera's permission is granted. */
    fun start() {
        if (!wanted) {
            wanted = true
            tilt.enable()
            displayManager().registerDisplayListener(displays, null)
        }
        if (facts == null && texture.isAvailable) open()
    }

    fun stop() {
        if (!wanted) return
        wanted = false
        tilt.disable()
        displayManager().unregisterDisplayListener(displays)
        close()
        overlay.mark(null, null)
    }

    /** For good. */
    fun release() {
        stop()
        source.release()
    }

    private fun open() {
        val surface = texture.surfaceTexture ?: return
        facts = source.open(surface)
        if (facts != null) {
            listener.onStarted()
            arrange()
        }
    }

    private fun close() {
        source.close()
        facts = null
        network = null
    }

    /** Where the picture and the mark lie, after whatever changed. */
    private fun arrange() {
        val camera = facts ?: return
        if (texture.width == 0 || texture.height == 0) return
        val screen = Orientation.deviceFromDisplay(displayDegrees())
        val upright = if (tilt.canDetectOrientation()) held.degrees else screen
        val classified = geometry(camera, upright, mirrored = false)
        // Android mirrors a front camera's preview, and never the frames to be read.
        val shown = geometry(camera, screen, camera.front)
        val view = PixelSize(texture.width, texture.height)
        network = classified
        val map = textureTransform(geometry(camera, 0, camera.front), shown, view)
        val values = listOf(map.a, map.b, map.c, map.d, map.e, map.f, 0.0, 0.0, 1.0)
        texture.setTransform(Matrix().apply { setValues(FloatArray(9) { values[it].toFloat() }) })
        val toView = shown.sensorToView(view)
        overlay.mark(toView(camera.frames.box), spec()?.let { toView(classified.seen(it)) })
    }

    private fun geometry(camera: CameraFacts, deviceDegrees: Int, mirrored: Boolean) = FrameGeometry(
        camera.frames,
        Orientation.frameRotation(camera.sensorDegrees, deviceDegrees, camera.front),
        mirrored
    )

    @Suppress("DEPRECATION") // Activity.getDisplay needs API 30.
    private fun displayDegrees(): Int = when (activity.windowManager.defaultDisplay.rotation) {
        Surface.ROTATION_90 -> 90
        Surface.ROTATION_180 -> 180
        Surface.ROTATION_270 -> 270
        else -> 0
    }

    private fun displayManager() = activity.getSystemService(Context.DISPLAY_SERVICE) as DisplayManager

    override fun onFrame(frame: YuvImage) {
        val geometry = network ?: return
        listener.onFrame { frame.toRgb(geometry) }
    }

    override fun onUnavailable() = problem(R.string.no_camera)

    override fun onLost() = problem(R.string.camera_lost)

    override fun onFree() = activity.runOnUiThread { if (wanted && texture.isAvailable) open() }

    private fun problem(message: Int) = activity.runOnUiThread {
        facts = null
        network = null
        if (wanted) listener.onProblem(message)
    }

    override fun onSurfaceTextureAvailable(surface: SurfaceTexture, width: Int, height: Int) {
        if (wanted) open()
    }

    override fun onSurfaceTextureSizeChanged(surface: SurfaceTexture, width: Int, height: Int) = arrange()

    override fun onSurfaceTextureDestroyed(surface: SurfaceTexture): Boolean {
        close()
        return true
    }

    override fun onSurfaceTextureUpdated(surface: SurfaceTexture) = Unit
}
