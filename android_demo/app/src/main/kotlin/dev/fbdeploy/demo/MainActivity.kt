package dev.fbdeploy.demo

import android.Manifest
import android.app.Activity
import android.app.AlertDialog
import android.content.Intent
import android.content.pm.PackageManager
import android.net.Uri
import android.os.Build
import android.os.Bundle
import android.provider.Settings
import android.view.View
import android.view.WindowManager
import android.widget.Button
import android.widget.ImageView
import android.widget.SeekBar
import dev.fbdeploy.core.FrameGeometry
import dev.fbdeploy.core.Overlay
import dev.fbdeploy.core.PixelSize
import dev.fbdeploy.core.RgbImage
import kotlin.math.roundToInt

/** The screen: hands what the user does to the session, and shows what the session holds. */
class MainActivity :
    Activity(),
    ClassifierSession.Watcher,
    CameraPreview.Listener {
    private lateinit var session: ClassifierSession
    private lateinit var camera: CameraPreview
    private lateinit var panel: ResultPanel
    private lateinit var switches: Switches
    private lateinit var still: ImageView
    private lateinit var overlay: CropOverlay
    private lateinit var places: AnswerOverlay

    /** Of detections that are shown. */
    private var threshold = 0f
    private var askedForCamera = false
    private var visible = false

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        setContentView(R.layout.main)
        @Suppress("DEPRECATION") // Its successors are AndroidX's.
        val kept = lastNonConfigurationInstance as ClassifierSession?
        session = kept ?: ClassifierSession(this)
        session.watcher = this
        still = view(R.id.still)
        overlay = view(R.id.crop)
        places = view(R.id.places)
        panel = ResultPanel(this)
        view<SeekBar>(R.id.opacity).follow { places.opacity = it }
        view<SeekBar>(R.id.threshold).follow(::showAbove)
        switches = Switches(this, session::select)
        camera = CameraPreview(this, view(R.id.preview), overlay, { session.bundle?.config?.input }, this)
        askedForCamera = state?.getBoolean(ASKED) ?: false
        view<Button>(R.id.freeze).setOnClickListener { freezeOrGoOn() }
        view<Button>(R.id.pick).setOnClickListener { launch(photoPicker(), PHOTO_REQUEST) }
        view<Button>(R.id.share).setOnClickListener { share() }
        view<Button>(R.id.more).setOnClickListener { showMenu() }
        view<Button>(R.id.settings).setOnClickListener { openSettings() }
        still.addOnLayoutChangeListener { _, _, _, _, _, _, _, _, _ ->
            markStill()
            onPlaces()
        }
        if (kept == null) session.open() else onBundle()
    }

    @Deprecated("AndroidX has the successor, which this app does without.")
    override fun onRetainNonConfigurationInstance(): Any = session

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putBoolean(ASKED, askedForCamera)
    }

    override fun onResume() {
        super.onResume()
        visible = true
        session.resume()
        startCamera()
    }

    override fun onPause() {
        visible = false
        camera.stop()
        super.onPause()
    }

    override fun onDestroy() {
        camera.release()
        if (isChangingConfigurations) session.watcher = null else session.close()
        super.onDestroy()
    }

    override fun onBundle() {
        session.bundle?.let { opened ->
            switches.offer(opened, session.selection)
            val slider: SeekBar = view(R.id.threshold)
            opened.config.detection?.let { slider.progress = (slider.max * it.score).roundToInt() }
        }
        startCamera()
        onChange()
    }

    override fun onChange() {
        val source = session.source
        val shown = session.shown
        if (shown == null) {
            panel.say(session.message)
        } else {
            panel.show(shown.result, look(0f), session.dropped, !session.frozen)
        }
        if (source is Source.Still) {
            camera.stop()
            still.setImageBitmap(source.bitmap)
            markStill()
        }
        still.visibility = if (source is Source.Still) View.VISIBLE else View.GONE
        onPlaces()
        view<Button>(R.id.freeze).setText(if (session.frozen) R.string.camera else R.string.freeze)
        view<Button>(R.id.share).isEnabled = shown != null
        view<Button>(R.id.settings).visibility =
            if (session.obstacle == getString(R.string.no_permission)) View.VISIBLE else View.GONE
    }

    override fun onPlaces() {
        val where = overlayOfAnswer()
        val answer = session.shown?.result?.answer
        val textSize = LETTERS * resources.displayMetrics.density
        places.show(if (answer == null || where == null) null else drawnOf(answer, where, look(textSize)))
    }

    private fun look(textSize: Float) = DetectionLook(threshold, session.bundle?.labels.orEmpty(), textSize)

    private fun showAbove(part: Float) {
        threshold = part
        panel.tellThreshold(part)
        onChange()
    }

    /** A still picture lies in its view as it is, a frame as it lay when it was taken. */
    private fun overlayOfAnswer(): Overlay? {
        val shown = session.shown ?: return null
        val source = session.source as? Source.Still ?: return camera.overlay(shown.geometry)
        val spec = session.bundle?.config?.input ?: return null
        if (still.width == 0 || still.height == 0) return null
        return source.geometry.overlay(spec, PixelSize(still.width, still.height))
    }

    /** The picture is fitted into its view as the geometry fits it. */
    private fun markStill() {
        val source = session.source as? Source.Still ?: return
        if (still.width == 0 || still.height == 0) return
        val geometry = source.geometry
        val toView = geometry.sensorToView(PixelSize(still.width, still.height))
        overlay.mark(toView(geometry.sensor.box), session.bundle?.let { toView(geometry.seen(it.config.input)) })
    }

    private fun freezeOrGoOn() {
        if (session.frozen) {
            session.showCamera()
            askedForCamera = false
            startCamera()
        } else {
            session.freeze()
        }
    }

    /** Only once there is something to classify with is the user asked for the camera. */
    private fun startCamera() {
        val opened = session.bundle
        if (!visible || opened == null || Backends.usable(opened.config).isEmpty()) return
        if (session.source != Source.Camera) return
        if (checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED) {
            camera.start()
        } else if (!askedForCamera) {
            // Once: the answer resumes the activity, which would ask again for ever.
            askedForCamera = true
            requestPermissions(arrayOf(Manifest.permission.CAMERA), CAMERA_REQUEST)
        } else {
            session.cameraFailed(getString(R.string.no_permission))
        }
    }

    override fun onRequestPermissionsResult(request: Int, permissions: Array<String>, results: IntArray) {
        if (results.isNotEmpty()) startCamera()
    }

    override fun onFrame(geometry: FrameGeometry, convert: () -> RgbImage) = session.onFrame(geometry, convert)

    override fun onArranged() = onPlaces()

    override fun onProblem(message: Int) = session.cameraFailed(getString(message))

    override fun onStarted() = session.cameraStarted()

    private fun photoPicker(): Intent = if (Build.VERSION.SDK_INT >= 33) {
        Intent(PICK_IMAGES)
    } else {
        Intent(Intent.ACTION_GET_CONTENT).setType("image/*").addCategory(Intent.CATEGORY_OPENABLE)
    }

    @Deprecated("AndroidX has the successor, which this app does without.")
    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        val uri = data?.data ?: return
        if (result != RESULT_OK) return
        when (request) {
            PHOTO_REQUEST -> session.showPhoto(uri)
            BUNDLE_REQUEST -> session.import(uri)
        }
    }

    private fun showMenu() {
        val entries = listOfNotNull(
            if (session.bundle != null) R.string.compare to ::compare else null,
            if (session.bundle != null) R.string.knows to ::showLabels else null,
            R.string.import_bundle to { launch(Intent(Intent.ACTION_OPEN_DOCUMENT_TREE), BUNDLE_REQUEST) },
            if (BundleStore.hasImported(this)) R.string.built_in_bundle to session::backToBuiltIn else null
        )
        AlertDialog.Builder(this)
            .setItems(entries.map { getString(it.first) }.toTypedArray()) { _, chosen -> entries[chosen].second() }
            .show()
    }

    /** The benchmark gets the device and the libraries' threads to itself. */
    private fun compare() {
        val threads = session.selection?.threads ?: Switches.THREADS.first()
        camera.stop()
        session.release {
            startActivity(Intent(this, CompareActivity::class.java).putExtra(CompareActivity.THREADS, threads))
        }
    }

    private fun showLabels() {
        val opened = session.bundle ?: return
        AlertDialog.Builder(this)
            .setTitle("${opened.config.network}: ${opened.labels.size}")
            .setItems(opened.labels.toTypedArray(), null)
            .setPositiveButton(android.R.string.ok, null)
            .show()
    }

    private fun share() {
        session.freeze()
        val source = session.source as? Source.Still ?: return
        val shown = session.shown ?: return
        val text = ResultPanel.text(shown.result, look(0f)) +
            "\n" + listOfNotNull(session.bundle?.config?.network, session.selection?.model?.id).joinToString(", ")
        val overlay = session.bundle?.let { source.geometry.overlay(it.config.input, source.geometry.upright) }
        val drawn = overlay?.let { drawnOf(shown.result.answer, it, look(ResultPicture.textSize(source.bitmap))) }
        val picture = ResultPicture(source.bitmap, overlay, drawn, places.opacity)
        ShareProvider.share(this, picture.write(this, text), text)
    }

    private fun openSettings() = launch(
        Intent(Settings.ACTION_APPLICATION_DETAILS_SETTINGS, Uri.fromParts("package", packageName, null)),
        null
    )

    private companion object {
        const val CAMERA_REQUEST = 1
        const val PHOTO_REQUEST = 2
        const val BUNDLE_REQUEST = 3
        const val ASKED = "asked"

        /** Of names beside boxes, in density-independent pixels. */
        const val LETTERS = 14

        /** MediaStore.ACTION_PICK_IMAGES, API 33. */
        const val PICK_IMAGES = "android.provider.action.PICK_IMAGES"
    }
}
