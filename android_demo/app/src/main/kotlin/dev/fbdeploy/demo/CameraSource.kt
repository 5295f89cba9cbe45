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
import android.media.Image
import android.media.ImageReader
import android.os.Handler
import android.os.HandlerThread
import android.util.Log
import android.view.Surface
import dev.fbdeploy.core.Geometry
import dev.fbdeploy.core.Plane
import dev.fbdeploy.core.RgbImage
import dev.fbdeploy.core.YuvImage

/**
 * The back camera: a preview on a texture, and its newest frame for [onFrame], which is called on
 * the camera's thread and gets a function that converts the frame while the call lasts.
 * [onUnavailable] comes on any thread.
 */
class CameraSource(
    context: Context,
    private val onFrame: (() -> RgbImage) -> Unit,
    private val onUnavailable: () -> Unit
) {
    private val manager = context.getSystemService(Context.CAMERA_SERVICE) as CameraManager
    private val thread = HandlerThread("camera").also { it.start() }
    private val handler = Handler(thread.looper)

    /** Which call of [open] is the current one; what belongs to an earlier one is closed. */
    @Volatile
    private var generation = 0

    // Touched on the camera's thread only, so that no frame is converted while its reader closes.
    private var device: CameraDevice? = null
    private var reader: ImageReader? = null

    /** Width and height of the frames as the sensor delivers them. */
    var size: Pair<Int, Int> = 640 to 480
        private set
    var sensorDegrees: Int = 0
        private set

    /** The caller holds the CAMERA permission. */
    @SuppressLint("MissingPermission")
    fun open(texture: SurfaceTexture, displayDegrees: Int) {
        close()
        guarded {
            val id = manager.cameraIdList.firstOrNull { facing(it) == CameraCharacteristics.LENS_FACING_BACK }
                ?: manager.cameraIdList.firstOrNull()
                ?: throw IllegalStateException("the phone has no camera")
            val characteristics = manager.getCameraCharacteristics(id)
            sensorDegrees = characteristics.get(CameraCharacteristics.SENSOR_ORIENTATION) ?: 0
            val sizes = characteristics.get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP)
                ?.getOutputSizes(ImageFormat.YUV_420_888).orEmpty().map { it.width to it.height }
            if (sizes.isNotEmpty()) size = Geometry.nearestSize(sizes, 640, 480)
            texture.setDefaultBufferSize(size.first, size.second)
            val rotation = Geometry.frameRotation(sensorDegrees, displayDegrees)
            manager.openCamera(id, Opening(generation, Surface(texture), rotation), handler)
        }
    }

    /** Stops the frames; the device itself is released soon after, on the camera's thread. */
    fun close() {
        generation++
        handler.post(::closeNow)
    }

    /** For good. */
    fun release() {
        close()
        thread.quitSafely()
    }

    private fun closeNow() {
        device?.close()
        device = null
        reader?.close()
        reader = null
    }

    private fun facing(id: String): Int? = manager.getCameraCharacteristics(id).get(CameraCharacteristics.LENS_FACING)

    /** The camera may be taken or forbidden, and its surface gone, at every call. */
    private fun guarded(work: () -> Unit) {
        try {
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
    }

    private fun unavailable(error: Exception) {
        Log.w("CameraSource", error)
        onUnavailable()
    }

    private fun newReader(rotation: Int): ImageReader {
        // Two images: one in work, one newest; acquireLatestImage drops what lies between.
        val frames = ImageReader.newInstance(size.first, size.second, ImageFormat.YUV_420_888, 2)
        frames.setOnImageAvailableListener({ source ->
            source.acquireLatestImage()?.use { image -> onFrame { image.toRgb(rotation) } }
        }, handler)
        return frames
    }

    private fun Image.toRgb(rotation: Int): RgbImage {
        val (y, u, v) = planes.map { Plane(it.buffer, it.rowStride, it.pixelStride) }
        return YuvImage(width, height, y, u, v).toRgb().rotated(rotation)
    }

    private inner class Opening(private val number: Int, private val preview: Surface, private val rotation: Int) :
        CameraDevice.StateCallback() {
        override fun onOpened(camera: CameraDevice) {
            if (number != generation) {
                camera.close()
                return
            }
            device = camera
            guarded {
                val frames = newReader(rotation).also { reader = it }
                val request = camera.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW)
                request.addTarget(preview)
                request.addTarget(frames.surface)
                request.set(CaptureRequest.CONTROL_AF_MODE, CaptureRequest.CONTROL_AF_MODE_CONTINUOUS_PICTURE)
                // The variant with SessionConfiguration needs API 28; this one still works on all.
                @Suppress("DEPRECATION")
                camera.createCaptureSession(listOf(preview, frames.surface), Streaming(request.build()), handler)
            }
        }

        override fun onDisconnected(camera: CameraDevice) = camera.close()

        override fun onError(camera: CameraDevice, error: Int) {
            camera.close()
            if (number == generation) onUnavailable()
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

        override fun onConfigureFailed(session: CameraCaptureSession) = onUnavailable()
    }
}
