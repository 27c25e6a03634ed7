// Hours of the week. The engine knows no time zones, so the settings say how far the clock is from UTC.

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const DAY = 24 * 60;

export class Clock {
    /** `offset` is such as `+01:00`. */
    constructor(offset) {
        this.offset = (offset.startsWith("-") ? -1 : 1) * minutes(offset.slice(1));
    }

    /** Minutes since Sunday, midnight. */
    at(now) {
        const local = new Date(now.getTime() + this.offset * 60_000);
        return local.getUTCDay() * DAY + local.getUTCHours() * 60 + local.getUTCMinutes();
    }
}

export class Window {
    /** One whose end is not after its beginning passes midnight, and belongs to the day on which it opens. */
    constructor({ days = DAYS, from, to }) {
        this.text = `on ${days.join(", ")} from ${from} to ${to}`;
        this.opens = days.map((day) => DAYS.indexOf(day) * DAY + minutes(from));
        this.length = (minutes(to) - minutes(from) + DAY) % DAY || DAY;
    }

    holds(minute) {
        return this.opens.some((opens) => (minute - opens + 7 * DAY) % (7 * DAY) < this.length);
    }

    toString() {
        return this.text;
    }
}

function minutes(time) {
    const [hours, minutes] = time.split(":").map(Number);
    return hours * 60 + minutes;
}
