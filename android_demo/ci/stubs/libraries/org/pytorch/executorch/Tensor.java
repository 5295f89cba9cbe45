package org.pytorch.executorch;

import java.nio.FloatBuffer;

public abstract class Tensor {
    public static FloatBuffer allocateFloatBuffer(int numElements) {
        throw new UnsupportedOperationException("stub");
    }

    public static Tensor fromBlob(FloatBuffer data, long[] shape) {
        throw new UnsupportedOperationException("stub");
    }

    public float[] getDataAsFloatArray() {
        throw new UnsupportedOperationException("stub");
    }
}
