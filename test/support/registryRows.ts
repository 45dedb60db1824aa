/**
 * @file Rows in the column layout that each data set of the registry has on the Hub: names, types and nesting are the real ones,
 * the texts are ours. Three rows each, which tests repeat as often as they need.
 */
import type { SchemaElement } from "hyparquet";
import { parquetWriteBuffer } from "hyparquet-writer";
import type { TaskName } from "../../src/tasks/definition.ts";

type Row = Record<string, unknown>;
type Columns = Parameters<typeof parquetWriteBuffer>[0]["columnData"];

/** STRING unless named here; `list` columns and structs are written as the data set server writes them, as nested groups. */
type ColumnType = "STRING" | "INT32" | "INT64" | "FLOAT" | "strings";

interface Layout {
  columns: Record<string, ColumnType>;
  rows: readonly [Row, Row, Row];
  /** Splits of the data set; default: train, validation and test. */
  splits?: readonly string[];
}

function pair(first: string, second: string): Layout {
  return {
    columns: { [first]: "STRING", [second]: "STRING", label: "INT64", idx: "INT32" },
    rows: [
      { [first]: "the soup was cold", [second]: "the soup was not warm", label: 1n, idx: 0 },
      { [first]: "the room was clean", [second]: "the room was dirty", label: 0n, idx: 1 },
      { [first]: "the bus came late", [second]: "the bus was not on time", label: 1n, idx: 2 },
    ],
  };
}

function threeWay(layout: Layout): Layout {
  const [first, second, third] = layout.rows;
  return { ...layout, rows: [first, second, { ...third, label: 2n }] };
}

const questionAnswering: Layout = {
  columns: { context: "STRING", question: "STRING", answers: "strings", key: "STRING" },
  rows: [
    {
      context: "The hotel (built in 1901) is old.",
      question: "How old is it?",
      answers: ["built in 1901", "1901"],
      key: "a",
    },
    { context: "Rain fell all day; the bus was late.", question: "What was late?", answers: ["the bus"], key: "b" },
    { context: "The soup costs $3.50.", question: "What does the soup cost?", answers: ["$3.50"], key: "c" },
  ],
  splits: ["train", "validation"],
};

export const layouts: Readonly<Record<TaskName, Layout>> = {
  mnli: {
    ...threeWay(pair("premise", "hypothesis")),
    splits: ["train", "validation_matched", "validation_mismatched", "test_matched", "test_mismatched"],
  },
  qqp: pair("question1", "question2"),
  qnli: pair("question", "sentence"),
  sst2: {
    columns: { sentence: "STRING", label: "INT64", idx: "INT32" },
    rows: [
      { sentence: "a warm and funny film ", label: 1n, idx: 0 },
      { sentence: "cold , slow and dull ", label: 0n, idx: 1 },
      { sentence: "good from start to end ", label: 1n, idx: 2 },
    ],
  },
  stsb: {
    ...pair("sentence1", "sentence2"),
    columns: { sentence1: "STRING", sentence2: "STRING", label: "FLOAT", idx: "INT32" },
    rows: [
      { sentence1: "the soup was cold", sentence2: "the soup was not warm", label: 3.8, idx: 0 },
      { sentence1: "the room was clean", sentence2: "the bus was late", label: 0.25, idx: 1 },
      { sentence1: "the bus came late", sentence2: "the bus came late", label: 5, idx: 2 },
    ],
  },
  mrpc: pair("sentence1", "sentence2"),
  rte: pair("sentence1", "sentence2"),
  cola: {
    columns: { sentence: "STRING", label: "INT64", idx: "INT32" },
    rows: [
      { sentence: "The soup was eaten by the guest.", label: 1n, idx: 0 },
      { sentence: "The soup was ate the guest.", label: 0n, idx: 1 },
      { sentence: "The guest ate the soup.", label: 1n, idx: 2 },
    ],
  },
  "superglue-multirc": {
    columns: { paragraph: "STRING", question: "STRING", answer: "STRING", label: "INT64" },
    rows: [
      {
        paragraph: "<b>Sent 1: </b>The bus was late.<br><b>Sent 2: </b>It rained.<br>",
        question: "Why?",
        answer: "Rain",
        label: 1n,
      },
      {
        paragraph: "<b>Sent 1: </b>The room was clean.<br>",
        question: "What was clean?",
        answer: "The soup",
        label: 0n,
      },
      { paragraph: "<b>Sent 1: </b>The soup was cold.<br>", question: "What was cold?", answer: "The soup", label: 1n },
    ],
  },
  "superglue-boolq": {
    columns: { question: "STRING", passage: "STRING", idx: "INT32", label: "INT64" },
    rows: [
      { question: "was the bus late", passage: "It came an hour after its time.", idx: 0, label: 1n },
      { question: "was the soup warm", passage: "The soup was cold.", idx: 1, label: 0n },
      { question: "is the room clean", passage: "It was cleaned today.", idx: 2, label: 1n },
    ],
  },
  "superglue-wic": {
    columns: {
      word: "STRING",
      sentence1: "STRING",
      sentence2: "STRING",
      start1: "INT32",
      start2: "INT32",
      end1: "INT32",
      end2: "INT32",
      idx: "INT32",
      label: "INT64",
    },
    rows: [
      {
        word: "cold",
        sentence1: "A cold soup.",
        sentence2: "A cold day.",
        start1: 2,
        start2: 2,
        end1: 6,
        end2: 6,
        idx: 0,
        label: 1n,
      },
      {
        word: "room",
        sentence1: "A clean room.",
        sentence2: "Make room!",
        start1: 8,
        start2: 5,
        end1: 12,
        end2: 9,
        idx: 1,
        label: 0n,
      },
      {
        word: "bus",
        sentence1: "The bus.",
        sentence2: "A bus.",
        start1: 4,
        start2: 2,
        end1: 7,
        end2: 5,
        idx: 2,
        label: 1n,
      },
    ],
  },
  "superglue-wsc.fixed": {
    columns: {
      text: "STRING",
      span1_index: "INT32",
      span2_index: "INT32",
      span1_text: "STRING",
      span2_text: "STRING",
      idx: "INT32",
      label: "INT64",
    },
    rows: [
      {
        text: "Mark told Pete many lies about himself, which Pete included in his book.",
        span1_index: 0,
        span2_index: 11,
        span1_text: "Mark",
        span2_text: "his",
        idx: 0,
        label: 0n,
      },
      {
        text: "The cup did not fit in the bag because it was too large.",
        span1_index: 0,
        span2_index: 9,
        span1_text: "The cup",
        span2_text: "it",
        idx: 1,
        label: 1n,
      },
      {
        text: "He was late, so Bob ran.",
        span1_index: 4,
        span2_index: 0,
        span1_text: "Bob",
        span2_text: "He",
        idx: 2,
        label: 1n,
      },
    ],
  },
  "superglue-cb": threeWay(pair("premise", "hypothesis")),
  nq: questionAnswering,
  hotpotqa: questionAnswering,
  searchqa: questionAnswering,
  newsqa: questionAnswering,
  winogrande: {
    columns: { sentence: "STRING", option1: "STRING", option2: "STRING", answer: "STRING" },
    rows: [
      {
        sentence: "The cup did not fit in the bag because the _ was too small.",
        option1: "cup",
        option2: "bag",
        answer: "2",
      },
      {
        sentence: "The cup did not fit in the bag because the _ was too large.",
        option1: "cup",
        option2: "bag",
        answer: "1",
      },
      { sentence: "The bus waited for the guest as the _ was late.", option1: "bus", option2: "guest", answer: "2" },
    ],
  },
  yelp_polarity: {
    columns: { text: "STRING", label: "INT64" },
    rows: [
      { text: "Cold soup, dirty room.\\nNever again.", label: 0n },
      { text: "We came back twice!", label: 1n },
      { text: "Slow and rude.", label: 0n },
    ],
    splits: ["train", "test"],
  },
  scitail: {
    columns: {
      sentence1_binary_parse: "STRING",
      sentence1_parse: "STRING",
      sentence1: "STRING",
      sentence2_parse: "STRING",
      sentence2: "STRING",
      annotator_labels: "strings",
      gold_label: "STRING",
    },
    rows: [
      {
        sentence1_binary_parse: "(a)",
        sentence1_parse: "(a)",
        sentence1: "Rain is water.",
        sentence2_parse: "(b)",
        sentence2: "Water falls as rain.",
        annotator_labels: ["entailment"],
        gold_label: "entailment",
      },
      {
        sentence1_binary_parse: "(a)",
        sentence1_parse: "(a)",
        sentence1: "Soup is food.",
        sentence2_parse: "(b)",
        sentence2: "The bus is late.",
        annotator_labels: ["neutral"],
        gold_label: "neutral",
      },
      {
        sentence1_binary_parse: "(a)",
        sentence1_parse: "(a)",
        sentence1: "Ice is cold.",
        sentence2_parse: "(b)",
        sentence2: "Ice is not warm.",
        annotator_labels: ["entailment"],
        gold_label: "entailment",
      },
    ],
  },
  paws: {
    columns: { id: "INT32", sentence1: "STRING", sentence2: "STRING", label: "INT64" },
    rows: [
      { id: 1, sentence1: "the bus left after the guest", sentence2: "the guest left after the bus", label: 0n },
      { id: 2, sentence1: "the soup was cold , not warm", sentence2: "not warm , the soup was cold", label: 1n },
      { id: 3, sentence1: "a room in a hotel", sentence2: "a hotel in a room", label: 0n },
    ],
  },
  gsm8k: {
    columns: { question: "STRING", answer: "STRING" },
    rows: [
      { question: "A soup costs 2 dollars. What do 1 and 1 soups cost?", answer: "1 + 1 = <<1+1=2>>2\n#### 2" },
      { question: "A bus is 1 hour late. How many hours is that?", answer: "It is 1.\n#### 1" },
      { question: "A room has 0 guests. How many leave?", answer: "None can.\n#### 0" },
    ],
    splits: ["train", "test"],
  },
  mbpp: {
    columns: {
      task_id: "INT32",
      text: "STRING",
      code: "STRING",
      test_list: "strings",
      test_setup_code: "STRING",
      challenge_test_list: "strings",
    },
    rows: [
      {
        task_id: 1,
        text: "Write a function that adds one.",
        code: "def add(x):\r\n  return x + 1",
        test_list: ["assert add(1) == 2", "assert add(0) == 1"],
        test_setup_code: "",
        challenge_test_list: [],
      },
      {
        task_id: 2,
        text: "Write a function that doubles.",
        code: "def double(x):\r\n  return 2 * x",
        test_list: ["assert double(2) == 4"],
        test_setup_code: "two = 2",
        challenge_test_list: [],
      },
      {
        task_id: 3,
        text: "Write a function that gives nothing.",
        code: "def nothing():\r\n  pass",
        test_list: ["assert nothing() is None"],
        test_setup_code: "",
        challenge_test_list: [],
      },
    ],
    splits: ["train", "validation", "test", "prompt"],
  },
  xsum: {
    columns: { document: "STRING", summary: "STRING", id: "STRING" },
    rows: [
      { document: "The bus was late.\nGuests waited in the rain.", summary: "Guests waited for a late bus.", id: "1" },
      { document: "A hotel served cold soup.", summary: "A hotel's soup was cold.", id: "2" },
      { document: "The computer is slow.", summary: "Slow computer.", id: "3" },
    ],
  },
  samsum: {
    columns: { id: "STRING", dialogue: "STRING", summary: "STRING" },
    rows: [
      { id: "1", dialogue: "Ann: The bus is late.\r\nBob: I wait.", summary: "Bob waits for Ann's bus." },
      { id: "2", dialogue: "Ann: Soup?\r\nBob: Cold.", summary: "The soup is cold." },
      { id: "3", dialogue: "Bob: Room 2?\r\nAnn: Clean.", summary: "Room 2 is clean." },
    ],
  },
};

/** The rows of a layout, repeated up to `count`. */
export function repeatedRows({ rows }: Layout, count: number): Row[] {
  return Array.from({ length: count }, (_, i) => rows[i % rows.length]!);
}

/** A parquet file of rows in a layout, compressed as the Hub's are; row groups as small as asked for. */
export function parquetOf({ columns }: Pick<Layout, "columns">, rows: readonly Row[], rowGroupSize = 1000): Buffer {
  const names = Object.keys(columns);
  const columnData = names.map((name) => ({ name, data: rows.map((row) => row[name]) })) as Columns;
  const elements = Object.entries(columns).flatMap(([name, type]) => schemaOf(name, type));
  const schema = [{ name: "root", num_children: names.length }, ...elements];
  return Buffer.from(parquetWriteBuffer({ columnData, schema, rowGroupSize }));
}

/** The schema elements of a column; a list has the three levels of the Parquet format. */
function schemaOf(name: string, type: ColumnType): SchemaElement[] {
  const optional = { repetition_type: "OPTIONAL" } as const;
  const text = { type: "BYTE_ARRAY", converted_type: "UTF8" } as const;
  if (type === "STRING") return [{ name, ...text, ...optional }];
  if (type !== "strings") return [{ name, type, ...optional }];
  return [
    { name, converted_type: "LIST", num_children: 1, ...optional },
    { name: "list", repetition_type: "REPEATED", num_children: 1 },
    { name: "element", ...text, ...optional },
  ];
}
