package dev.fbdeploy.demo

import android.app.Activity
import android.content.Context
import android.graphics.SurfaceTexture
import android.hardware.display.DisplayManager
import android.view.OrientationEventListener
import android.view.Surface
import android.view.TextureView
import dev.fbdeploy.core.FrameGeometry
import dev.fbdeploy.core.HeldOrientation
import dev.fbdeploy.core.InputSpec
import dev.fbdeploy.core.Orientation
import dev.fbdeploy.core.Overlay
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
        /** On the camera's thread; the frame lies as [geometry] says, and [convert] works while the call lasts. */
        fun onFrame(geometry: FrameGeometry, convert: () -> RgbImage)

        /** The picture lies otherwise in its view than before. */
        fun onArranged()

        /** A string resource, on the main thread. */
        fun onProblem(message: Int)

        /** The camera is at work, or will be. */
        fun onStarted()
    }

    private val source = CameraSource(activity, this)
    private val held = HeldOrientation(Orientation.deviceFromDisplay(displayDegrees()))
    private var facts: CameraFacts? = null
    private var wanted = false

    /** How the preview's frames lie. */
    private var shown: FrameGeometry? = null

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
        listener.onArranged()
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
        shown = null
    }

    /** Where the picture and the mark lie, after whatever changed. */
    private fun arrange() {
        val camera = facts ?: return
        if (texture.width == 0 || texture.height == 0) return
        val screen = Orientation.deviceFromDisplay(displayDegrees())
        val upright = if (tilt.canDetectOrientation()) held.degrees else screen
        val classified = geometry(camera, upright, mirrored = false)
        // Android mirrors a front camera's preview, and never the frames to be read.
        val preview = geometry(camera, screen, camera.front)
        network = classified
        shown = preview
        val map = textureTransform(geometry(camera, 0, camera.front), preview, view())
        texture.setTransform(map.toMatrix())
        val toView = preview.sensorToView(view())
        overlay.mark(toView(camera.frames.box), spec()?.let { toView(classified.seen(it)) })
        listener.onArranged()
    }

    /** Where in the preview lies what the network found in a frame that lay as [classified] says. */
    fun overlay(classified: FrameGeometry): Overlay? {
        val (preview, input) = Pair(shown ?: return null, spec() ?: return null)
        return classified.overlay(input, view(), preview)
    }

    private fun view() = PixelSize(texture.width, texture.height)

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
        listener.onFrame(geometry) { frame.toRgb(geometry) }
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
