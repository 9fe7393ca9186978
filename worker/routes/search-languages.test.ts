import { afterAll, beforeAll, expect, test } from "vitest";
import { type Service, startService } from "../service.fixture.ts";

/** Written for this test. */
const TEXTS = {
  ko: "백업 서버는 매일 밤 자정에 시작한다. 데이터베이스의 모든 행은 암호화된 파일로 저장되며, 관리자는 복구 절차를 분기마다 연습해야 한다. 저장소가 가득 차면 오래된 스냅샷부터 삭제하고, 실패한 작업은 다음 날 아침에 다시 실행된다. 암호를 잃어버린 사용자는 지원 부서에 전화하여 새로운 열쇠를 받을 수 있다.",
  ru: "Ночной сервер начинает резервное копирование в полночь. Каждый новый файл шифруется, а всё содержимое проверяется ещё раз утром. Если в хранилище нет места, сначала удаляются самые старые снимки; неудачный запуск повторяется на следующий день. Мой ключ лежит в надёжном месте, но пользователь, потерявший пароль, звонит в службу поддержки и получает другой. Объём данных растёт с каждым днём.",
  hi: "बैकअप सर्वर हर रात बारह बजे शुरू होता है। डेटाबेस की सभी पंक्तियाँ एन्क्रिप्ट की हुई फ़ाइल में सहेजी जाती हैं और प्रबंधक को हर तिमाही में पुनर्स्थापना का अभ्यास करना चाहिए। यदि भंडार भर जाए तो सबसे पुरानी प्रतियाँ हटाई जाती हैं। जिस उपयोगकर्ता का पासवर्ड खो गया है वह सहायता विभाग से नई कुंजी प्राप्त कर सकता है। किताब दिल्ली के पुस्तकालय में है।",
  ja: "バックアップサーバーは毎日深夜に起動します。データベースのすべての行は暗号化されたファイルとして保存され、管理者は四半期ごとに復元の手順を練習しなければなりません。保存先が一杯になると古いスナップショットから削除されます。失敗した処理は翌朝もう一度実行されます。パスワードを失った利用者は窓口に電話して新しい鍵を受け取れます。",
  th: "เซิร์ฟเวอร์สำรองข้อมูลเริ่มทำงานทุกคืนตอนเที่ยงคืน ทุกแถวในฐานข้อมูลถูกบันทึกเป็นไฟล์ที่เข้ารหัส ผู้ดูแลระบบควรฝึกซ้อมการกู้คืนทุกไตรมาส ถ้าที่เก็บข้อมูลเต็ม ระบบจะลบสำเนาเก่าที่สุดก่อน งานที่ล้มเหลวจะถูกเรียกใช้อีกครั้งในเช้าวันถัดไป ผู้ใช้ที่ลืมรหัสผ่านสามารถโทรหาฝ่ายสนับสนุนเพื่อรับกุญแจใหม่",
  zh: "备份服务器每天午夜启动。数据库的所有行都保存为加密文件，管理员每个季度应当练习一次恢复步骤。如果存储空间已满，系统首先删除最旧的快照。失败的任务会在第二天早上重新运行。",
  km: "ម៉ាស៊ីនបម្រុងទុកចាប់ផ្តើមរៀងរាល់យប់។ ទិន្នន័យទាំងអស់ត្រូវបានរក្សាទុកជាឯកសារសម្ងាត់។",
  ar: "يبدأ خادم النسخ الاحتياطي كل ليلة عند منتصف الليل. تُحفظ جميع الصفوف في ملف مشفَّر، ويجب على المدير أن يتدرّب على الاستعادة.",
  el: "Ο διακομιστής ξεκινά κάθε νύχτα τα μεσάνυχτα. Όλες οι γραμμές αποθηκεύονται σε κρυπτογραφημένο αρχείο.",
  ta: "காப்பு சேவையகம் ஒவ்வொரு இரவும் தொடங்குகிறது. அனைத்து தரவுகளும் குறியாக்கம் செய்யப்பட்ட கோப்பாக சேமிக்கப்படுகின்றன.",
};
/** The same thing said on either side of the Atlantic. */
const ENGLISH = {
  british: "The licence, the behaviour and the catalogue are organised in the centre.",
  american: "The license, the behavior and the catalog are organized in the center.",
};
/** Of which one says in another word what is asked for. */
const BERTHS = { painted: "Berths are painted by the guild.", removed: "Berths are removed by the guild." };
/** Scripts that FTS5's own tables do not know, or cut at their marks; one word of each. */
const SCRIPTS = {
  adlam: "𞤀𞤣𞤤𞤢𞤥",
  osage: "𐓏𐓘𐓻𐓘𐓻𐓟",
  vithkuqi: "𐕰𐕱𐕲𐖀",
  tibetan: "བོད་ཡིག",
  bengali: "বাংলাদেশের",
  burmese: "မြန်မာဘာသာ",
  lao: "ພາສາລາວ",
  nko: "ߒߞߏ",
  ethiopic: "አማርኛ",
  georgian: "ქართული",
  thaana: "ދިވެހި",
  javanese: "ꦧꦱꦗꦮ",
};

let service: Service;
beforeAll(async () => {
  service = await startService();
  const documents = Object.entries({ ...TEXTS, ...ENGLISH, ...BERTHS, ...SCRIPTS }).map(([id, text]) => ({ id, text }));
  const { json } = await service.call("POST", "/api/v1/documents/batch", { documents });
  expect((await service.job(json.job_id)).state).toBe("done");
});
afterAll(() => service.close());

async function finds(query: string, id: string): Promise<boolean> {
  const { json } = await service.call("POST", "/api/v1/search", { query, mode: "text", top_k: 50 });
  return json.results.some(({ document_id }: { document_id: string }) => document_id === id);
}

test.each(Object.entries(TEXTS))("every word of a text in %s finds it", async (language, text) => {
  const segments = new Intl.Segmenter(language, { granularity: "word" }).segment(text);
  const words = new Set([...segments].flatMap(({ segment, isWordLike }) => (isWordLike ? [segment] : [])));
  const missed: string[] = [];
  for (const word of words) if (!(await finds(word, language))) missed.push(word);
  expect(words.size).toBeGreaterThan(5);
  expect(missed).toEqual([]);
});

test.each(Object.entries(SCRIPTS))("a word in %s finds its document, decomposed as well", async (script, word) => {
  expect(await finds(word, script)).toBe(true);
  expect(await finds(word.normalize("NFD"), script)).toBe(true);
});

test.each([
  "licence",
  "license",
  "behaviour",
  "behavior",
  "catalogue",
  "catalog",
  "organise",
  "organize",
  "centre",
  "center",
])("%s is found in both spellings", async (word) => {
  for (const id of Object.keys(ENGLISH)) expect(await finds(word, id)).toBe(true);
});

test("of two that share the same words with a query, the one that says another of them in its own way is first", async () => {
  const { json } = await service.call("POST", "/api/v1/search", { query: "How does the guild erase berths?" });
  expect(json.results[0].document_id).toBe("removed");
});
