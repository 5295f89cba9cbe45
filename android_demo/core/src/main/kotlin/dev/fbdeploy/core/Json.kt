package dev.fbdeploy.core

/** What was wrong with a JSON document, and at which character. */
class JsonException(message: String) : IllegalArgumentException(message)

/**
 * JSON (RFC 8259) to Kotlin values and back: objects are maps, arrays lists, numbers doubles,
 * and the rest strings, booleans and null. Android's own org.json does not exist on a desktop JVM.
 */
object Json {
    fun parse(text: String): Any? = JsonReader(text).document()

    /** One line; doubles that are whole numbers are written without a fraction. */
    fun write(value: Any?): String = StringBuilder().also { append(it, value) }.toString()

    private fun append(out: StringBuilder, value: Any?) {
        when (value) {
            null -> out.append("null")

            is Boolean -> out.append(value)

            is Int, is Long -> out.append(value)

            is Number -> appendNumber(out, value.toDouble())

            is String -> appendString(out, value)

            is Map<*, *> -> appendAll(out, value.entries, '{', '}') {
                appendString(out, it.key as String)
                out.append(':')
                append(out, it.value)
            }

            is Iterable<*> -> appendAll(out, value, '[', ']') { append(out, it) }

            else -> throw JsonException("cannot write a ${value::class} as JSON")
        }
    }

    private fun <T> appendAll(out: StringBuilder, items: Iterable<T>, open: Char, close: Char, each: (T) -> Unit) {
        out.append(open)
        items.forEachIndexed { index, item ->
            if (index > 0) out.append(',')
            each(item)
        }
        out.append(close)
    }

    private fun appendNumber(out: StringBuilder, value: Double) {
        if (!value.isFinite()) throw JsonException("JSON has no number for $value")
        if (value == Math.rint(value) && Math.abs(value) < 1e15) out.append(value.toLong()) else out.append(value)
    }

    private fun appendString(out: StringBuilder, value: String) {
        out.append('"')
        for (char in value) {
            when {
                char == '"' || char == '\\' -> out.append('\\').append(char)
                char < ' ' -> out.append("\\u%04x".format(char.code))
                else -> out.append(char)
            }
        }
        out.append('"')
    }
}

private class JsonReader(private val text: String) {
    private var at = 0

    fun document(): Any? {
        val value = value()
        skipSpace()
        if (at != text.length) fail("something follows the end")
        return value
    }

    private fun value(): Any? {
        skipSpace()
        return when (peek()) {
            '{' -> members()
            '[' -> elements()
            '"' -> string()
            't' -> literal("true", true)
            'f' -> literal("false", false)
            'n' -> literal("null", null)
            else -> number()
        }
    }

    private fun members(): Map<String, Any?> {
        val members = LinkedHashMap<String, Any?>()
        sequence('{', '}') {
            skipSpace()
            val name = string()
            skipSpace()
            expect(':')
            members[name] = value()
        }
        return members
    }

    private fun elements(): List<Any?> = ArrayList<Any?>().also { list -> sequence('[', ']') { list += value() } }

    private fun sequence(open: Char, close: Char, item: () -> Unit) {
        expect(open)
        skipSpace()
        if (peek() == close) {
            at++
            return
        }
        while (true) {
            item()
            skipSpace()
            if (peek() == close) break
            expect(',')
        }
        at++
    }

    private fun string(): String {
        expect('"')
        val out = StringBuilder()
        while (true) {
            val char = next()
            when {
                char == '"' -> return out.toString()
                char == '\\' -> out.append(escape())
                char < ' ' -> fail("a control character in a string")
                else -> out.append(char)
            }
        }
    }

    private fun escape(): Char = when (val char = next()) {
        '"', '\\', '/' -> char

        'b' -> '\b'

        'f' -> '\u000C'

        'n' -> '\n'

        'r' -> '\r'

        't' -> '\t'

        'u' -> {
            val digits = text.substring(at, minOf(at + 4, text.length))
            at += digits.length
            (digits.toIntOrNull(16) ?: fail("a bad \\u escape")).toChar()
        }

        else -> fail("an unknown escape \\$char")
    }

    private fun number(): Double {
        val match = NUMBER.matchAt(text, at) ?: fail("no value")
        at += match.value.length
        return match.value.toDouble()
    }

    private fun literal(word: String, value: Any?): Any? {
        if (!text.startsWith(word, at)) fail("no value")
        at += word.length
        return value
    }

    private fun skipSpace() {
        while (at < text.length && text[at] in " \t\r\n") at++
    }

    private fun peek(): Char = if (at < text.length) text[at] else fail("it ends too early")

    private fun next(): Char = peek().also { at++ }

    private fun expect(char: Char) {
        if (next() != char) fail("'$char' is missing")
    }

    private fun fail(what: String): Nothing = throw JsonException("JSON, character $at: $what")

    private companion object {
        val NUMBER = Regex("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?")
    }
}

/** Typed access to a parsed object; a missing or wrong member is named in the exception. */
class JsonObject(private val members: Map<*, *>, private val path: String = "") {
    fun string(name: String): String = member(name)

    fun double(name: String): Double = member(name)

    fun boolean(name: String): Boolean = member(name)

    fun int(name: String): Int {
        val value = double(name)
        if (value != Math.rint(value)) throw JsonException("$path$name is not a whole number")
        return value.toInt()
    }

    fun obj(name: String): JsonObject = JsonObject(member<Map<*, *>>(name), "$path$name.")

    fun objOrNull(name: String): JsonObject? = if (members[name] == null) null else obj(name)

    fun objects(name: String): List<JsonObject> = member<List<*>>(name).mapIndexed { index, item ->
        JsonObject(item as? Map<*, *> ?: throw JsonException("$path$name[$index] is no object"), "$path$name[$index].")
    }

    fun doubles(name: String): DoubleArray {
        val items = member<List<*>>(name)
        return DoubleArray(items.size) {
            items[it] as? Double ?: throw JsonException("$path$name[$it] is no number")
        }
    }

    fun doublesOrNull(name: String): DoubleArray? = if (members[name] == null) null else doubles(name)

    fun intOrNull(name: String): Int? = if (members[name] == null) null else int(name)

    private inline fun <reified T> member(name: String): T = members[name] as? T
        ?: throw JsonException("$path$name is missing or of the wrong type")

    companion object {
        fun parse(text: String): JsonObject =
            JsonObject(Json.parse(text) as? Map<*, *> ?: throw JsonException("the document is no object"))
    }
}
