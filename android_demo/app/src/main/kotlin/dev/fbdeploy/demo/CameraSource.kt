package dev.fbdeploy.demo

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.ImageFormat
import android.graphics.SurfaceTexture
import android.hardware.camera2.CameraAccessException
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.hardware.camera2.CaptureRequest
import android.media.ImageReader
import android.os.Handler
import android.os.HandlerThread
import android.util.Log
import android.view.Surface
import dev.fbdeploy.core.CameraSizes
import dev.fbdeploy.core.PixelSize
import dev.fbdeploy.core.Plane
import dev.fbdeploy.core.YuvImage

/** How a camera is built in, and the sizes taken from it; the sensor lies at [sensorDegrees]. */
class CameraFacts(
    val id: String,
    val sensorDegrees: Int,
    val front: Boolean,
    val frames: PixelSize,
    val preview: PixelSize
)

/**
 * The back camera, or the only one: a preview on a texture in its own resolution, and the newest
 * frame for [Listener.onFrame].
 */
class CameraSource(context: Context, private val listener: Listener) {
    /** All but [onFrame] come on any thread. */
    interface Listener {
        /** On the camera's thread; [frame] is valid while the call lasts. */
        fun onFrame(frame: YuvImage)

        /** There is no camera, or this app does not get it. */
        fun onUnavailable()

        /** Another app, or the system, took the camera away. */
        fun onLost()

        /** The camera is free again. */
        fun onFree()
    }

    private val manager = context.getSystemService(Context.CAMERA_SERVICE) as CameraManager
    private val thread = HandlerThread("camera").also { it.start() }
    private val handler = Handler(thread.looper)

    /** Which call of [open] is the current one; what belongs to an earlier one is closed. */
    @Volatile
    private var generation = 0

    // Touched on the camera's thread only, so that no frame is converted while its reader closes.
    private var device: CameraDevice? = null
    private var reader: ImageReader? = null
    private var preview: Surface? = null
    private var lost: String? = null

    private val availability = object : CameraManager.AvailabilityCallback() {
        override fun onCameraAvailable(cameraId: String) {
            if (cameraId != lost) return
            lost = null
            listener.onFree()
        }
    }

    init {
        manager.registerAvailabilityCallback(availability, handler)
    }

    /** Opens the camera for the [texture]; the caller holds the CAMERA permission. Null if there is none. */
    @SuppressLint("MissingPermission")
    fun open(texture: SurfaceTexture): CameraFacts? {
        close()
        return guarded {
            val facts = facts()
            texture.setDefaultBufferSize(facts.preview.width, facts.preview.height)
            manager.openCamera(facts.id, Opening(generation, facts, texture), handler)
            facts
        }
    }

    /** Stops the frames; the device itself is released soon after, on the camera's thread. */
    fun close() {
        generation++
        handler.post {
            lost = null
            closeNow()
        }
    }

    /** For good. */
    fun release() {
        manager.unregisterAvailabilityCallback(availability)
        close()
        thread.quitSafely()
    }

    private fun closeNow() {
        device?.close()
        device = null
        reader?.close()
        reader = null
        preview?.release()
        preview = null
    }

    private fun facts(): CameraFacts {
        val id = manager.cameraIdList.firstOrNull { facing(it) == CameraCharacteristics.LENS_FACING_BACK }
            ?: manager.cameraIdList.firstOrNull()
            ?: throw IllegalStateException("the device has no camera")
        val characteristics = manager.getCameraCharacteristics(id)
        val map = characteristics.get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP)
        val frames = CameraSizes.frames(sizes(map?.getOutputSizes(ImageFormat.YUV_420_888)))
        return CameraFacts(
            id,
            characteristics.get(CameraCharacteristics.SENSOR_ORIENTATION) ?: 0,
            facing(id) == CameraCharacteristics.LENS_FACING_FRONT,
            frames,
            CameraSizes.preview(sizes(map?.getOutputSizes(SurfaceTexture::class.java)), frames)
        )
    }

    private fun sizes(found: Array<android.util.Size>?): List<PixelSize> =
        found.orEmpty().map { PixelSize(it.width, it.height) }

    private fun facing(id: String): Int? = manager.getCameraCharacteristics(id).get(CameraCharacteristics.LENS_FACING)

    /** The camera may be taken or forbidden, and its surface gone, at every call. */
    private fun <T> guarded(work: () -> T): T? = try {
        work()
    } catch (error: CameraAccessException) {
        unavailable(error)
    } catch (error: IllegalStateException) {
        unavailable(error)
    } catch (error: IllegalArgumentException) {
        unavailable(error)
    } catch (error: SecurityException) {
        unavailable(error)
    }

    private fun unavailable(error: Exception): Nothing? {
        Log.w("CameraSource", error)
        listener.onUnavailable()
        return null
    }

    private fun newReader(size: PixelSize): ImageReader {
        // Two images: one in work, one newest; acquireLatestImage drops what lies between.
        val frames = ImageReader.newInstance(size.width, size.height, ImageFormat.YUV_420_888, 2)
        frames.setOnImageAvailableListener({ source ->
            source.acquireLatestImage()?.use { image ->
                val (y, u, v) = image.planes.map { Plane(it.buffer, it.rowStride, it.pixelStride) }
                listener.onFrame(YuvImage(image.width, image.height, y, u, v))
            }
        }, handler)
        return frames
    }

    private inner class Opening(
        private val number: Int,
        private val facts: CameraFacts,
        private val texture: SurfaceTexture
    ) : CameraDevice.StateCallback() {
        override fun onOpened(camera: CameraDevice) {
            if (number != generation) {
                camera.close()
                return
            }
            val surface = Surface(texture)
            device = camera
            preview = surface
            guarded {
                val frames = newReader(facts.frames).also { reader = it }
                val request = camera.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW)
                request.addTarget(surface)
                request.addTarget(frames.surface)
                request.set(CaptureRequest.CONTROL_AF_MODE, CaptureRequest.CONTROL_AF_MODE_CONTINUOUS_PICTURE)
                // The variant with SessionConfiguration needs API 28; this one still works on all.
                @Suppress("DEPRECATION")
                camera.createCaptureSession(listOf(surface, frames.surface), Streaming(request.build()), handler)
            }
        }

        override fun onDisconnected(camera: CameraDevice) = gone(camera)

        override fun onError(camera: CameraDevice, error: Int) = gone(camera)

        private fun gone(camera: CameraDevice) {
            camera.close()
            if (number != generation) return
            closeNow()
            lost = facts.id
            listener.onLost()
        }
    }

    private inner class Streaming(private val request: CaptureRequest) : CameraCaptureSession.StateCallback() {
        override fun onConfigured(session: CameraCaptureSession) {
            try {
                session.setRepeatingRequest(request, null, handler)
            } catch (error: IllegalStateException) {
                // Closed between opening and now, by leaving the app.
                Log.w("CameraSource", error)
            } catch (error: CameraAccessException) {
                Log.w("CameraSource", error)
            }
        }

        override fun onConfigureFailed(session: CameraCaptureSession) = listener.onUnavailable()
    }
}
