package dev.fbdeploy.demo

import android.Manifest
import android.app.Activity
import android.content.Intent
import android.content.pm.PackageManager
import android.graphics.Matrix
import android.graphics.SurfaceTexture
import android.os.Build
import android.os.Bundle
import android.view.Surface
import android.view.TextureView
import android.view.View
import android.view.WindowManager
import android.widget.AdapterView
import android.widget.ArrayAdapter
import android.widget.Button
import android.widget.ImageView
import android.widget.Spinner
import android.widget.TextView
import dev.fbdeploy.core.Backend
import dev.fbdeploy.core.Bundle as DemoBundle
import dev.fbdeploy.core.FrameGate
import dev.fbdeploy.core.Geometry
import dev.fbdeploy.core.LivePipeline
import dev.fbdeploy.core.LiveResult
import dev.fbdeploy.core.ModelEntry
import dev.fbdeploy.core.RgbImage
import java.io.IOException
import java.util.concurrent.Executors

/** Camera or photo, the top five and the latency, and the switches. Everything else is in core. */
class MainActivity :
    Activity(),
    TextureView.SurfaceTextureListener {
    private val inference = Executors.newSingleThreadExecutor()
    private val gate = FrameGate(inference)
    private lateinit var preview: TextureView
    private lateinit var photo: ImageView
    private lateinit var predictions: TextView
    private lateinit var latency: TextView
    private lateinit var camera: CameraSource
    private var bundle: DemoBundle? = null
    private var pipeline: LivePipeline? = null
    private var backend: Backend? = null
    private var model: ModelEntry? = null
    private var threads = THREADS.first()
    private var askedForCamera = false

    /** The photo on the screen, which a newly chosen model classifies too. */
    @Volatile
    private var picked: RgbImage? = null

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        setContentView(R.layout.main)
        preview = view(R.id.preview)
        photo = view(R.id.photo)
        predictions = view(R.id.predictions)
        latency = view(R.id.latency)
        camera = CameraSource(this, ::onFrame) { runOnUiThread { latency.setText(R.string.no_camera) } }
        preview.surfaceTextureListener = this
        view<Button>(R.id.camera).setOnClickListener {
            askedForCamera = false
            showCamera()
        }
        view<Button>(R.id.pick).setOnClickListener { pickPhoto() }
        view<Button>(R.id.benchmark).setOnClickListener { startBenchmark() }
        predictions.setText(R.string.loading)
        inference.execute {
            report {
                val opened = BundleStore.open(this)
                runOnUiThread { onBundle(opened) }
            }
        }
    }

    override fun onResume() {
        super.onResume()
        if (photo.visibility != View.VISIBLE) showCamera()
    }

    override fun onPause() {
        camera.close()
        super.onPause()
    }

    override fun onDestroy() {
        camera.release()
        inference.execute { pipeline?.close() }
        inference.shutdown()
        super.onDestroy()
    }

    private fun onBundle(opened: DemoBundle?) {
        if (opened == null) {
            predictions.setText(R.string.no_bundle)
            return
        }
        bundle = opened
        val backends = Backends.usable(opened.config)
        choose(R.id.threads, THREADS.map(Int::toString)) { select(threads = THREADS[it]) }
        choose(R.id.backend, backends.map { it.name }) { chosen ->
            val models = opened.config.models.filter { it.format == backends[chosen].format }
            choose(R.id.model, models.map { it.id.substringAfter('-') }) { select(backends[chosen], models[it]) }
        }
    }

    private fun choose(id: Int, items: List<String>, onChosen: (Int) -> Unit) {
        val spinner: Spinner = view(id)
        spinner.adapter = ArrayAdapter(this, android.R.layout.simple_spinner_dropdown_item, items)
        spinner.onItemSelectedListener = object : AdapterView.OnItemSelectedListener {
            override fun onItemSelected(parent: AdapterView<*>?, view: View?, position: Int, id: Long) =
                onChosen(position)

            override fun onNothingSelected(parent: AdapterView<*>?) = Unit
        }
    }

    private fun select(backend: Backend? = this.backend, model: ModelEntry? = this.model, threads: Int = this.threads) {
        this.backend = backend
        this.model = model
        this.threads = threads
        val opened = bundle
        if (opened == null || backend == null || model == null) return
        predictions.setText(R.string.loading)
        inference.execute {
            val loaded = pipeline ?: LivePipeline(opened).also { pipeline = it }
            report {
                loaded.select(model, backend, threads)
                picked?.let { show(loaded.classify(it)) }
            }
        }
    }

    /** What a bundle, a runtime or a codec throws is shown: which exceptions they have is their affair. */
    @Suppress("TooGenericExceptionCaught")
    private fun report(work: () -> Unit) {
        try {
            work()
        } catch (error: Exception) {
            runOnUiThread { predictions.text = error.message ?: error.toString() }
        } catch (error: LinkageError) {
            runOnUiThread { predictions.text = error.message ?: error.toString() }
        }
    }

    private fun onFrame(convert: () -> RgbImage) = gate.submit(convert) { image ->
        report { show(pipeline?.classify(image)) }
    }

    private fun show(result: LiveResult?) {
        if (result == null) return
        val labels = bundle?.labels.orEmpty()
        val ranking = result.top.joinToString("\n") {
            "%s  %.1f %%".format(labels.getOrElse(it.classIndex) { index -> "class $index" }, 100 * it.probability)
        }
        val times = "p50 %.2f  p90 %.2f  p99 %.2f ms\nprepared in %.2f ms, %d frames dropped".format(
            result.inference.p50,
            result.inference.p90,
            result.inference.p99,
            result.preprocessMilliseconds,
            gate.dropped
        )
        runOnUiThread {
            predictions.text = ranking
            latency.text = times
        }
    }

    private fun showCamera() {
        photo.visibility = View.GONE
        picked = null
        if (checkSelfPermission(Manifest.permission.CAMERA) != PackageManager.PERMISSION_GRANTED) {
            // Once: the answer resumes the activity, which would ask again for ever.
            if (!askedForCamera) requestPermissions(arrayOf(Manifest.permission.CAMERA), CAMERA_REQUEST)
            askedForCamera = true
        } else if (preview.isAvailable) {
            preview.surfaceTexture?.let(::openCamera)
        }
    }

    override fun onRequestPermissionsResult(request: Int, permissions: Array<String>, results: IntArray) {
        if (results.firstOrNull() == PackageManager.PERMISSION_GRANTED) {
            showCamera()
        } else {
            latency.setText(R.string.no_camera)
        }
    }

    @Suppress("DEPRECATION") // Activity.getDisplay needs API 30.
    private fun openCamera(texture: SurfaceTexture) {
        val degrees = when (windowManager.defaultDisplay.rotation) {
            Surface.ROTATION_90 -> 90
            Surface.ROTATION_180 -> 180
            Surface.ROTATION_270 -> 270
            else -> 0
        }
        camera.open(texture, degrees)
        fitPreview()
    }

    private fun fitPreview() {
        val (width, height) = camera.size
        val upright = if (camera.sensorDegrees % 180 == 0) width to height else height to width
        val (x, y) = Geometry.fillScale(preview.width, preview.height, upright.first, upright.second)
        preview.setTransform(Matrix().apply { setScale(x, y, preview.width / 2f, preview.height / 2f) })
    }

    private fun pickPhoto() {
        val modern = Intent(PICK_IMAGES)
        val picker = if (Build.VERSION.SDK_INT >= 33) {
            modern
        } else {
            Intent(Intent.ACTION_GET_CONTENT).setType("image/*").addCategory(Intent.CATEGORY_OPENABLE)
        }
        @Suppress("DEPRECATION") // Its successor is AndroidX's.
        startActivityForResult(picker, PHOTO_REQUEST)
    }

    @Deprecated("AndroidX has the successor, which this app does without.")
    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        val uri = data?.data
        if (request != PHOTO_REQUEST || result != RESULT_OK || uri == null) return
        camera.close()
        photo.visibility = View.VISIBLE
        inference.execute {
            try {
                val read = PhotoReader(contentResolver).read(uri)
                picked = read.image
                runOnUiThread { photo.setImageBitmap(read.bitmap) }
                report { show(pipeline?.classify(read.image)) }
            } catch (_: IOException) {
                runOnUiThread { predictions.setText(R.string.unreadable_photo) }
            }
        }
    }

    private fun startBenchmark() {
        val chosen = model ?: return
        startActivity(
            Intent(this, BenchmarkActivity::class.java)
                .putExtra(BenchmarkActivity.MODEL, chosen.id)
                .putExtra(BenchmarkActivity.THREADS, threads)
        )
    }

    override fun onSurfaceTextureAvailable(texture: SurfaceTexture, width: Int, height: Int) {
        if (photo.visibility != View.VISIBLE) showCamera()
    }

    override fun onSurfaceTextureSizeChanged(texture: SurfaceTexture, width: Int, height: Int) = fitPreview()

    override fun onSurfaceTextureDestroyed(texture: SurfaceTexture): Boolean {
        camera.close()
        return true
    }

    override fun onSurfaceTextureUpdated(texture: SurfaceTexture) = Unit

    private inline fun <reified T : View> view(id: Int): T {
        val found: View = findViewById(id)
        return found as T
    }

    private companion object {
        val THREADS = listOf(4, 1, 2, 8)
        const val CAMERA_REQUEST = 1
        const val PHOTO_REQUEST = 2

        /** MediaStore.ACTION_PICK_IMAGES, API 33. */
        const val PICK_IMAGES = "android.provider.action.PICK_IMAGES"
    }
}
