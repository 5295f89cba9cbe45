package dev.fbdeploy.core

import java.io.File
import java.io.FileNotFoundException
import java.nio.file.Files
import kotlin.test.AfterTest
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue

class BundleInstallTest {
    private val source = TestBundle.bundle
    private val folder = Files.createTempDirectory("install").toFile()
    private val target = File(folder, "demo_bundle")
    private val install = BundleInstall(setOf("onnx"))

    @AfterTest
    fun remove() {
        folder.deleteRecursively()
    }

    @Test
    fun aBundleIsCopiedWithTheModelsThisAppCanRun() {
        val bundle = install.install(target, ::open)
        val wanted = source.config.models.filter { it.format == "onnx" }.map { it.file }
        val files = target.walk().filter { it.isFile }.map { it.relativeTo(target).path }.toSet()
        assertEquals(wanted.toSet() + setOf("model_config.json", "labels.txt", "golden.json"), files)
        assertEquals(source.labels, bundle.labels)
        // Again, over the one that is there.
        install.install(target, ::open)
        assertEquals(listOf("demo_bundle"), folder.list()!!.toList())
    }

    @Test
    fun aBundleWithAMissingOrAlteredFileLeavesTheOldOne() {
        install.install(target, ::open)
        val before = File(target, "labels.txt").readText()
        val model = source.config.models.first { it.format == "onnx" }.file
        assertFailsWith<FileNotFoundException> {
            install.install(target) { if (it == "golden.json") throw FileNotFoundException(it) else open(it) }
        }
        val altered = assertFailsWith<IllegalArgumentException> {
            install.install(target) { if (it == model) "other".byteInputStream() else open(it) }
        }
        assertTrue(model in altered.message!!)
        assertEquals(before, File(target, "labels.txt").readText())
        assertEquals(listOf("demo_bundle"), folder.list()!!.toList())
    }

    @Test
    fun aPathOutOfTheBundleIsRefused() {
        val model = source.config.models.first { it.format == "onnx" }.file
        for (path in listOf("../escaped", "/escaped", "a//b", "./a")) {
            val text = File(source.folder, "model_config.json").readText().replace("\"$model\"", "\"$path\"")
            assertFailsWith<IllegalArgumentException>(path) {
                install.install(target) { if (it == "model_config.json") text.byteInputStream() else open(it) }
            }
        }
        assertFalse(File(folder, "escaped").exists())
    }

    @Test
    fun aBundleWithoutAModelForThisAppIsRefused() {
        val refused = assertFailsWith<IllegalArgumentException> {
            BundleInstall(setOf("none")).install(target, ::open)
        }
        assertTrue("none" in refused.message!!)
        assertFalse(target.exists())
    }

    private fun open(path: String) = File(source.folder, path).inputStream()
}
