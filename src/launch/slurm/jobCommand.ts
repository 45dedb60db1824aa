/** The hidden command of ulpt that a job runs. */
export const jobCommand = "array-job";
