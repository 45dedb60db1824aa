/** @file Table 2 of the paper: GSM8K and MBPP with Llama 3.2. Numbers as printed, in percent. */
import type { PaperMethod, PublishedRow, PublishedTable } from "./cell.ts";
import { other, ulpt, vanilla } from "./methods.ts";
import { llama1b, llama3b } from "./models.ts";

type Row = readonly [id: string, method: PaperMethod, gsm8k: number, mbpp: number, average: number];

// biome-ignore format: a line for each printed row
const of1b: readonly Row[] = [
  //                                                      GSM8K MBPP  Avg
  ["in-context", other("4 examples in the context"),       34.3, 21.1, 27.7],
  ["lora-r1", other("LoRA r=1", "106.5K"),                 38.5, 26.7, 32.6],
  ["lora-r4", other("LoRA r=4", "426.0K"),                 40.1, 27.2, 33.7],
  ["lora-r8", other("LoRA r=8", "852.0K"),                 40.2, 24.7, 32.5],
  ["vera-r1", other("VeRA r=1", "41.0K"),                  39.3, 24.4, 31.9],
  ["vera-r4", other("VeRA r=4", "41.1K"),                  39.6, 27.8, 33.7],
  ["vera-r8", other("VeRA r=8", "41.2K"),                  40.9, 29.5, 35.2],
  ["fourierft-128", other("FourierFT n=128", "4.1K"),      35.8, 21.5, 28.7],
  ["fourierft-512", other("FourierFT n=512", "16.4K"),     34.9, 27.3, 31.1],
  ["fourierft-1024", other("FourierFT n=1024", "32.8K"),   36.6, 25.9, 31.3],
  ["ia3", other("IA3", "147.5K"),                          39.7, 26.4, 33.1],
  ["vanilla", vanilla(10, "20.5K"),                        40.2, 24.7, 32.5],
  ["ulpt-r2", ulpt(2, 10, "4.1K"),                         39.7, 26.1, 32.9],
  ["ulpt-r64", ulpt(64, 10, "4.7K"),                       42.4, 28.7, 35.6],
  ["ulpt-r256", ulpt(256, 10, "6.7K"),                     41.4, 26.3, 33.9],
];

// biome-ignore format: a line for each printed row
const of3b: readonly Row[] = [
  //                                                      GSM8K MBPP  Avg
  ["in-context", other("4 examples in the context"),       62.5, 23.9, 43.2],
  ["lora-r1", other("LoRA r=1", "286.7K"),                 62.9, 32.1, 47.5],
  ["lora-r4", other("LoRA r=4", "1.15M"),                  63.4, 34.3, 48.9],
  ["lora-r8", other("LoRA r=8", "2.29M"),                  62.2, 37.8, 50.0],
  ["vera-r1", other("VeRA r=1", "114.7K"),                 65.5, 35.5, 50.5],
  ["vera-r4", other("VeRA r=4", "114.9K"),                 65.0, 34.4, 49.7],
  ["vera-r8", other("VeRA r=8", "115.1K"),                 65.7, 33.9, 49.8],
  ["fourierft-128", other("FourierFT n=128", "7.2K"),      63.1, 21.9, 42.5],
  ["fourierft-512", other("FourierFT n=512", "28.7K"),     66.6, 35.3, 51.0],
  ["fourierft-1024", other("FourierFT n=1024", "57.3K"),   65.5, 35.4, 50.5],
  ["ia3", other("IA3", "286.7K"),                          63.7, 36.7, 50.2],
  ["vanilla", vanilla(10, "30.7K"),                        65.3, 33.1, 49.2],
  ["ulpt-r2", ulpt(2, 10, "6.2K"),                         65.6, 35.9, 50.8],
  ["ulpt-r64", ulpt(64, 10, "6.8K"),                       65.4, 36.5, 51.0],
  ["ulpt-r256", ulpt(256, 10, "8.7K"),                     66.4, 34.6, 50.5],
];

function rowsOf(size: string, model: string, rows: readonly Row[]): PublishedRow[] {
  return rows.map(([id, method, gsm8k, mbpp, average]) => ({
    id: `${size}/${id}`,
    model,
    method,
    results: [{ values: [gsm8k, mbpp], average }],
  }));
}

export const table2: PublishedTable = {
  id: "table-2",
  title: "Table 2: GSM8K and MBPP with Llama 3.2",
  caption: "Test scores of Llama 3.2 Instruct (1B and 3B) on word problems and programs; prompts have 10 tokens.",
  headings: [{ name: "Generation", tasks: ["gsm8k", "mbpp"] }],
  rows: [...rowsOf("llama-3.2-1b", llama1b, of1b), ...rowsOf("llama-3.2-3b", llama3b, of3b)],
  split: "test",
  steps: null,
  seeds: 1,
  notes: ["Trained for 3 epochs of GSM8K or 10 of MBPP, in batches of 4."],
};
