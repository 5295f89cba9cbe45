package org.tensorflow.lite;

import java.io.File;
import java.util.Map;

public final class Interpreter implements AutoCloseable {
    public static class Options {
        public Options setNumThreads(int numThreads) {
            throw new UnsupportedOperationException("stub");
        }

        public Options setUseXNNPACK(boolean useXnnpack) {
            throw new UnsupportedOperationException("stub");
        }
    }

    public Interpreter(File modelFile, Options options) {}

    public void allocateTensors() {}

    public void runForMultipleInputsOutputs(Object[] inputs, Map<Integer, Object> outputs) {}

    @Override
    public void close() {}
}
