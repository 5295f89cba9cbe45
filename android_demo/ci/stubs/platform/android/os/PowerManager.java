package android.os;

/** API 21 and 29. */
public final class PowerManager {
    public boolean isPowerSaveMode() {
        throw new UnsupportedOperationException("stub");
    }

    public int getCurrentThermalStatus() {
        throw new UnsupportedOperationException("stub");
    }
}
