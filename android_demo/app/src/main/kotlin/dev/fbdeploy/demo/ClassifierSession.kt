package dev.fbdeploy.demo

import android.content.Context
import android.graphics.Bitmap
import android.net.Uri
import android.os.Handler
import android.os.Looper
import dev.fbdeploy.core.Answer
import dev.fbdeploy.core.Backend
import dev.fbdeploy.core.Bundle
import dev.fbdeploy.core.Captured
import dev.fbdeploy.core.FrameGate
import dev.fbdeploy.core.FrameGeometry
import dev.fbdeploy.core.LivePipeline
import dev.fbdeploy.core.LiveResult
import dev.fbdeploy.core.ModelEntry
import dev.fbdeploy.core.RgbImage
import dev.fbdeploy.core.Throttle
import java.util.concurrent.Executors

/** What runs the pictures. */
data class Selection(val backend: Backend, val model: ModelEntry, val threads: Int)

/** What is classified. */
sealed interface Source {
    object Camera : Source

    /** A photo, or a frozen frame. */
    class Still(val bitmap: Bitmap, val captured: Captured) : Source {
        /** Upright already. */
        val geometry = FrameGeometry(captured.image.size, 0, false)
    }
}

/** A picture, how it lay when it was taken, and what the network said of it. */
class Shown(val captured: Captured, val geometry: FrameGeometry, val result: LiveResult)

/**
 * What outlives a turned screen: the bundle, the loaded model, what is classified, and the thread that
 * does it. Its properties belong to the main thread; a result for a model or a source that is no
 * longer chosen is dropped, so none ever stands beside another picture.
 */
class ClassifierSession(context: Context) {
    interface Watcher {
        /** Another bundle, or none. */
        fun onBundle()

        /** Another result, message or source. */
        fun onChange()

        /** Another answer with places, sooner than can be read what is told of it. */
        fun onPlaces()
    }

    private val application = context.applicationContext
    private val main = Handler(Looper.getMainLooper())
    private val worker = Executors.newSingleThreadExecutor()
    private val gate = FrameGate(worker)

    // The worker's own.
    private val pace = Throttle(MILLISECONDS_SHOWN)
    private var pipeline: LivePipeline? = null

    /** Counts changes of model and source. */
    @Volatile
    private var epoch = 0

    /** No frames are taken: a still picture or a message stays until the camera is asked for. */
    @Volatile
    var frozen = false
        private set
    var watcher: Watcher? = null
    var bundle: Bundle? = null
        private set
    var selection: Selection? = null
        private set
    var source: Source = Source.Camera
        private set
    var shown: Shown? = null
        private set

    /** Why there is no result: what is being done, or what went wrong. */
    var message: String = application.getString(R.string.opening)
        private set
    val dropped: Long get() = gate.dropped

    /** Why the camera gives no frames; null while it does. */
    var obstacle: String? = null
        private set
    private var released = false

    /** Opens the imported or built-in bundle. */
    fun open() = reopen(R.string.opening) { BundleStore.open(application) }

    fun import(folder: Uri) = reopen(R.string.importing) { BundleStore.import(application, folder) }

    fun backToBuiltIn() = reopen(R.string.opening) {
        BundleStore.removeImported(application)
        BundleStore.open(application)
    }

    private fun reopen(doing: Int, work: () -> Bundle?) {
        frozen = true
        val number = restart(application.getString(doing))
        worker.execute {
            report(number) {
                val opened = work()
                pipeline?.close()
                pipeline = opened?.let { LivePipeline(it) }
                main.post {
                    bundle = opened
                    selection = null
                    source = Source.Camera
                    frozen = false
                    say(application.getString(opening(opened)))
                    watcher?.onBundle()
                }
            }
        }
    }

    private fun opening(opened: Bundle?): Int = when {
        opened == null -> R.string.no_bundle
        Backends.usable(opened.config).isEmpty() -> R.string.no_model
        else -> R.string.loading
    }

    /** Loads a model; a still picture is classified again. */
    fun select(chosen: Selection) {
        selection = chosen
        load()
    }

    private fun load() {
        val chosen = selection ?: return
        val number = restart(application.getString(R.string.loading))
        val still = source as? Source.Still
        worker.execute {
            report(number) {
                pipeline?.select(chosen.model, chosen.backend, chosen.threads)
                if (still == null) sayWaiting(number) else classify(still, number)
            }
        }
    }

    /** Releases the model, so that a benchmark has the device and the libraries' threads to itself. */
    fun release(then: () -> Unit) {
        released = true
        restart(application.getString(R.string.loading))
        worker.execute {
            pipeline?.close()
            main.post(then)
        }
    }

    /** Loads the model again after a [release]. */
    fun resume() {
        if (!released) return
        released = false
        load()
    }

    fun onFrame(geometry: FrameGeometry, convert: () -> RgbImage) {
        if (frozen) return
        val number = epoch
        gate.submit(convert) { captured ->
            report(number) { if (number == epoch) classify(captured, geometry, number) }
        }
    }

    fun showCamera() {
        if (!frozen) return
        source = Source.Camera
        frozen = false
        restart(waiting())
    }

    /** Keeps the picture on the screen with its result. */
    fun freeze() {
        val last = shown ?: return
        if (frozen) return
        val image = last.captured.image
        val bitmap = Bitmap.createBitmap(image.toArgb(), image.width, image.height, Bitmap.Config.ARGB_8888)
        frozen = true
        epoch++
        source = Source.Still(bitmap, last.captured)
        watcher?.onChange()
    }

    fun showPhoto(uri: Uri) {
        frozen = true
        val number = restart(application.getString(R.string.reading_photo))
        worker.execute {
            report(number) {
                val photo = PhotoReader(application).read(uri)
                main.post { if (number == epoch) showStill(photo) }
            }
        }
    }

    private fun showStill(photo: Source.Still) {
        source = photo
        val number = epoch
        watcher?.onChange()
        worker.execute { report(number) { classify(photo, number) } }
    }

    /** The camera gives no frames; shown in place of results of frames. */
    fun cameraFailed(reason: String) {
        obstacle = reason
        if (source == Source.Camera) restart(reason)
    }

    fun cameraStarted() {
        val before = obstacle ?: return
        obstacle = null
        if (message == before) restart(waiting())
    }

    fun close() {
        watcher = null
        epoch++
        worker.execute { pipeline?.close() }
        worker.shutdown()
    }

    private fun classify(still: Source.Still, number: Int) = classify(still.captured, still.geometry, number)

    /** On the worker. */
    private fun classify(captured: Captured, geometry: FrameGeometry, number: Int) {
        val result = pipeline?.classify(captured) ?: return
        val readable = frozen || pace.due()
        if (!readable && result.answer is Answer.Ranking) return
        main.post {
            if (number == epoch) {
                shown = Shown(captured, geometry, result)
                if (readable) watcher?.onChange() else watcher?.onPlaces()
            }
        }
    }

    /** Nothing old stays beside what comes. */
    private fun restart(text: String): Int {
        epoch++
        say(text)
        return epoch
    }

    private fun sayWaiting(number: Int) = main.post { if (number == epoch) say(waiting()) }

    private fun waiting(): String = obstacle ?: application.getString(R.string.waiting)

    private fun say(text: String) {
        shown = null
        message = text
        watcher?.onChange()
    }

    /** What a bundle, a runtime or a codec throws is shown: which exceptions they have is their affair. */
    @Suppress("TooGenericExceptionCaught")
    private fun report(number: Int, work: () -> Unit) {
        try {
            work()
        } catch (error: Exception) {
            failed(number, error)
        } catch (error: LinkageError) {
            failed(number, error)
        }
    }

    private fun failed(number: Int, error: Throwable) {
        val text = (error.message ?: error.toString()).lineSequence().first()
        main.post { if (number == epoch) say(text) }
    }

    private companion object {
        /** Between two results on the screen: fewer cannot be read. */
        const val MILLISECONDS_SHOWN = 200L
    }
}
